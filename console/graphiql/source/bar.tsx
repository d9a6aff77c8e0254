import { type FormEvent, useState } from "react";
import type { Caller, Settings } from "./settings";

interface Props {
  settings: Settings;
  caller: Caller;
  onChange: (caller: Caller) => void;
}

/** Who asks: taken over on Enter, and when a field is left. */
export function Bar({ settings, caller, onChange }: Props) {
  const [draft, setDraft] = useState(caller);

  function take(changed: Caller) {
    setDraft(changed);
    if (JSON.stringify(changed) !== JSON.stringify(caller)) onChange(changed);
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    take(draft);
  }

  const newest = settings.versions[0] ?? "";
  const schema = `/schema?version=${encodeURIComponent(caller.version || newest)}`;
  return (
    <form className="bar" onSubmit={submit} autoComplete="off">
      <strong>Modelyard</strong>
      <label>
        API version
        <select value={draft.version} onChange={(event) => take({ ...draft, version: event.target.value })}>
          <option value="">newest ({newest})</option>
          {settings.versions.map((version) => (
            <option key={version} value={version}>
              {version}
            </option>
          ))}
        </select>
      </label>
      <label>
        Project
        <input
          value={draft.project}
          placeholder={settings.open ? "default" : "the key's"}
          spellCheck={false}
          onChange={(event) => setDraft({ ...draft, project: event.target.value.trim() })}
          onBlur={() => take(draft)}
        />
      </label>
      {settings.open ? (
        <span className="note">Open mode: no key is needed.</span>
      ) : (
        <label>
          API key
          <input
            type="password"
            value={draft.key}
            placeholder="my_…"
            autoComplete="off"
            onChange={(event) => setDraft({ ...draft, key: event.target.value.trim() })}
            onBlur={() => take(draft)}
          />
        </label>
      )}
      <button type="submit" hidden />
      <a href={schema}>Schema and its changes</a>
    </form>
  );
}
