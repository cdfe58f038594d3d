# client.py CONF — Ceph's own command line client, its code and its connection, kept running: to start it anew takes longer than
# what it is asked. Reads commands, each a line with a JSON list of words, and answers each with a line: {"error", "out", "told"}.
# Behind the word `means`, a command is not carried out: the answer is what the cluster would be sent.
import errno
import importlib.machinery
import importlib.util
import json
import shutil
import sys

answers, sys.stdout = sys.stdout, sys.stderr
loader = importlib.machinery.SourceFileLoader("ceph_client", shutil.which("ceph"))
ceph = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
loader.exec_module(ceph)
known = {}


def connect():
    handle = ceph.rados.Rados(name="client.admin", conffile=sys.argv[1])
    handle.connect(timeout=60)
    return handle


def signatures(target, anew):
    if anew or target not in known:
        code, out, told = ceph.json_command(ceph.cluster_handle, target=target, prefix="get_command_descriptions")
        if code:
            return {}
        known[target] = ceph.parse_json_funcsigs(out.decode("utf-8"), "cli")
    return known[target]


def beginning(found, word):
    """Those that begin with this word: the client tries a command on every one there is, which takes it longer than the rest."""
    return {key: one for key, one in found.items() if getattr(one["sig"][0].instance, "prefix", word) == word}


def means(words):
    """What the client would send the cluster, had it been started with these words."""
    _, _, rest = ceph.parse_cmdargs(words)
    # A client of its own, which takes options of the configuration out of them
    rest = ceph.rados.Rados(name="client.admin", conffile=sys.argv[1]).conf_parse_argv(rest)
    found = ceph.validate_command(beginning(signatures(("mon", ""), False), rest[0]), rest, False)
    return 0 if found else -errno.EINVAL, json.dumps(found), "it does not know such a command"


def run(words):
    if words[0] == "means":
        return means(words[1:])
    _, options, rest = ceph.parse_cmdargs(words)
    data = b""
    if options.input_file:
        with open(options.input_file, "rb") as file:
            data = file.read()
    target = ceph.find_cmd_target(rest)
    if rest[0] == "tell":
        rest = rest[2:]
    # What the manager's modules know is told only once they are loaded
    for anew in (False, True):
        found = beginning(signatures(target, anew), rest[0])
        code, out, told = ceph.do_command(options, target, rest, found, data, False)
        if told != "invalid command":
            break
    return code, out.decode("utf-8") if isinstance(out, bytes) else out, told


for line in sys.stdin:
    try:
        if ceph.cluster_handle is None:
            ceph.cluster_handle = connect()
        code, out, told = run(json.loads(line))
        error = "" if code >= 0 else errno.errorcode.get(-code, str(-code))
    except Exception as thrown:
        error, out, told = type(thrown).__name__, "", str(thrown)
    answers.write(json.dumps({"error": error, "out": out, "told": told}) + "\n")
    answers.flush()
