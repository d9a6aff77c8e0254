/** What the server wrote into the page. */
export interface Settings {
  /** Without a version the newest is served; it is the first one here. */
  versions: string[];
  /** In open mode whatever key is sent is ignored. */
  open: boolean;
}

/** Who asks, and for which version; "" where the server is to choose. */
export interface Caller {
  key: string;
  project: string;
  version: string;
}

const KEPT = "modelyard:caller";

export function settings(): Settings {
  return JSON.parse(document.getElementById("settings")?.textContent ?? "") as Settings;
}

/** The caller of this tab; the address names the version for who follows a link. */
export function recall(versions: string[]): Caller {
  const asked = new URLSearchParams(location.search).get("apiVersion");
  const kept: Partial<Caller> = JSON.parse(sessionStorage.getItem(KEPT) ?? "{}");
  const version = asked ?? kept.version ?? "";
  return {
    key: kept.key ?? "",
    project: kept.project ?? "",
    version: versions.includes(version) ? version : "",
  };
}

/** In this tab alone, and gone with it. */
export function keep(caller: Caller): void {
  sessionStorage.setItem(KEPT, JSON.stringify(caller));
  const address = new URL(location.href);
  if (caller.version) address.searchParams.set("apiVersion", caller.version);
  else address.searchParams.delete("apiVersion");
  history.replaceState(null, "", address);
}
