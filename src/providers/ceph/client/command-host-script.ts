/**
 * What runs where the ceph client does: its Python, with its module for the cluster, as a process that stays. A line of JSON in is a
 * command, a line out an answer, in any order. To start the client takes a third of a second, and what it checks each command
 * against as long again: the cluster answers in a few milliseconds.
 */
export const hostScript = `
import json, os, sys, threading
from concurrent.futures import ThreadPoolExecutor
import rados

out, lock = sys.stdout.buffer, threading.Lock()

def say(answer):
    with lock:
        out.write(json.dumps(answer).encode() + b"\\n")
        out.flush()

def text(what):
    return what.decode("utf-8", "replace") if isinstance(what, bytes) else what or ""

def failed(thrown):
    return {"code": abs(getattr(thrown, "errno", None) or 5), "said": str(thrown)}

def connect(name, cluster, conf, options):
    handle = rados.Rados(name=name, clustername=cluster, conffile=conf)
    for key, value in options.items():
        handle.conf_set(key, value)
    handle.connect()
    return handle

def run(handle, id, target, command, data):
    try:
        ask = handle.mgr_command if target == "mgr" else handle.mon_command
        code, output, said = ask(command, data.encode())
        say({"id": id, "code": max(0, -code), "output": text(output), "said": text(said)})
    except Exception as thrown:
        say({"id": id, "output": "", **failed(thrown)})

try:
    handle = connect(**json.loads(sys.argv[1]))
except Exception as thrown:
    say({"id": 0, "output": "", **failed(thrown)})
    os._exit(1)
say({"id": 0, "code": 0, "output": "", "said": ""})
pool = ThreadPoolExecutor(24)
for line in sys.stdin.buffer:
    pool.submit(run, handle, **json.loads(line))
os._exit(0)
`.trim()
