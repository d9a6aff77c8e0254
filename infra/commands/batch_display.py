"""How batch jobs look in a terminal."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from infra.commands.display import age, clock, length
from infra.output import say, say_table

FINAL = ("COMPLETED", "FAILED", "EXPIRED", "CANCELLED")
ENDS = ("completedAt", "failedAt", "expiredAt", "cancelledAt")


def is_final(job: Mapping[str, Any]) -> bool:
    return job["status"] in FINAL


def succeeded(job: Mapping[str, Any]) -> bool:
    """Whether every line has a result."""
    return job["status"] == "COMPLETED" and not job["counts"]["failed"]


def done(job: Mapping[str, Any]) -> int:
    return int(job["counts"]["completed"]) + int(job["counts"]["failed"])


def status(job: Mapping[str, Any]) -> str:
    return f"{job['status']} ({job['reason']})" if job["reason"] else str(job["status"])


def place(job: Mapping[str, Any]) -> str:
    """`DEPLOYMENT chat@2`; empty before there is one."""
    if job["target"] is None:
        return ""
    there = job["deployment"] or job["externalEndpoint"]
    name = there["name"] if there else ""
    pinned = f"@{job['revisionNumber']}" if job["revisionNumber"] is not None else ""
    return f"{job['target']} {name}{pinned}".strip()


def row(job: Mapping[str, Any]) -> dict[str, str]:
    """As `batch ls` lists it."""
    counts = job["counts"]
    return {
        "JOB": job["openaiId"],
        "STATUS": status(job),
        "MODEL": job["model"] or "",
        "DONE": f"{done(job)}/{counts['total']}",
        "FAILED": str(counts["failed"]),
        "PLACE": place(job),
        "AGE": age(job["createdAt"]),
    }


def error_row(error: Mapping[str, Any]) -> dict[str, str]:
    return {
        "LINE": "" if error["line"] is None else str(error["line"]),
        "CODE": error["code"],
        "PARAM": error["param"] or "",
        "MESSAGE": error["message"],
    }


def sentence(job: Mapping[str, Any]) -> str:
    """`COMPLETED: 998 of 1000 lines have a result, 2 an error.`"""
    counts = job["counts"]
    failed = f", {counts['failed']} an error" if counts["failed"] else ""
    left = counts["total"] - done(job)
    rest = f", {left} neither" if left else ""
    return (
        f"{status(job)}: {counts['completed']} of {counts['total']} lines have a result"
        f"{failed}{rest}."
    )


def print_out(job: Mapping[str, Any]) -> None:
    """All of a job, for people."""
    for name, value in facts(job).items():
        if value:
            say(f"{name + ':':<14}{value}")
    print_errors(job["errors"])


def print_errors(errors: list[Mapping[str, Any]]) -> None:
    if errors:
        say("\nErrors")
        say_table([error_row(each) for each in errors])


def facts(job: Mapping[str, Any]) -> dict[str, str]:
    usage, retry, made_of = job["usage"], job["retry"], job["template"]
    return {
        "Job": job["openaiId"],
        "Id": job["id"],
        "Status": f"{status(job)} for {age(job['statusSince'])}",
        "Message": job["message"],
        "Endpoint": job["endpoint"],
        "Model": job["model"] or "",
        "Lines": sentence(job).partition(": ")[2],
        "Place": place(job),
        "Because": job["targetReason"] or "",
        "Template": f"{made_of['name']}:{made_of['version']}" if made_of else "",
        "Profile": job["profile"]["name"] if job["profile"] else "",
        "Priority": str(job["priority"]),
        "Concurrency": "" if job["maxConcurrency"] is None else f"at most {job['maxConcurrency']}",
        "Request": f"{job['requestTimeout']} at most, {retry['attempts']} tries",
        "Tokens": f"{usage['inputTokens']} in, {usage['outputTokens']} out",
        "Input": _file(job["inputFile"], "its file is deleted"),
        "Output": _file(job["outputFile"]),
        "Error file": _file(job["errorFile"]),
        "Retry of": job["retryOf"]["openaiId"] if job["retryOf"] else "",
        "Metadata": " ".join(f"{each['key']}={each['value']}" for each in job["metadata"]),
        "Window": _window(job),
        "Created": f"{age(job['createdAt'])} ago by {job['createdBy']}",
    }


def _file(file: Mapping[str, Any] | None, otherwise: str = "") -> str:
    return file["openaiId"] if file else otherwise


def _window(job: Mapping[str, Any]) -> str:
    ended = next((job[each] for each in ENDS if job[each]), None)
    if ended is not None:
        return f"{job['completionWindow']}; it ended at {clock(ended)}"
    return f"{job['completionWindow']}, to {clock(job['expiresAt'])}"


def seconds(left: float | None) -> str:
    """`38s`, as long as that is to be told."""
    return "" if left is None else length(timedelta(seconds=left))
