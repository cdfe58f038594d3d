# admin.py FOLDER new UUID…    — what a new lab's monitor is told: its OSDs, which it numbers in this order, and its settings
# admin.py FOLDER await NAME…  — waits until daemons serve; ends with 1 and says which one does not
# admin.py FOLDER settle       — waits, for 20 s at most, until nothing is on its way; prints the cluster's health
#
# One process with one connection: each start of the ceph command takes a third of a second and more.
import json
import os
import re
import socket
import sys
import time

folder, word, names = sys.argv[1], sys.argv[2], sys.argv[3:]
conf = folder + "/ceph.conf"
handle = None


def ask(prefix, **arguments):
    global handle
    if handle is None:
        import rados

        fresh = rados.Rados(name="client.admin", conffile=conf)
        fresh.connect(timeout=20)
        handle = fresh
    code, out, told = handle.mon_command(json.dumps({"prefix": prefix, "format": "json", **arguments}), b"", timeout=20)
    if code:
        raise OSError(-code, f"{prefix}: {told}")
    return json.loads(out or b"null")


def asok(name, prefix):
    """What a daemon itself says, over its admin socket; None where it says nothing (yet)."""
    try:
        with socket.socket(socket.AF_UNIX) as to:
            to.settimeout(5)
            to.connect(f"{folder}/run/{name}.asok")
            to.sendall(json.dumps({"prefix": prefix, "format": "json"}).encode() + b"\0")
            answer = b"".join(iter(lambda: to.recv(65536), b""))
        return json.loads(answer[4:])
    except (OSError, ValueError):
        return None


def serves(name):
    """From the daemon itself where it can be: after a fault the monitors' maps still show what was before it."""
    kind = name.split(".")[0]
    if kind == "mgr":
        # It does not know itself whether it is active or standby; the map does, by the number that this very process got
        number = re.search(r'"type": "mgr", "num": (\d+)', json.dumps(asok(name, "status")))
        if not number or number[1] == "0":
            return False
        number, found = int(number[1]), ask("mgr dump")
        active = found["active_gid"] == number and found["available"]
        return active or number in [one["gid"] for one in found["standbys"]]
    state = (asok(name, "mon_status" if kind == "mon" else "status") or {}).get("state")
    wanted = {
        "mon": ["leader"],
        "osd": ["active"],
        "mds": ["up:standby", "up:standby-replay", "up:active"],
    }
    return state in wanted[kind]


def alive(name):
    """Whether it runs, as this lab's."""
    try:
        with open(f"{folder}/run/{name}.pid") as file:
            pid = file.read().strip()
        with open(f"/proc/{pid}/cmdline") as file:
            return conf in file.read().split("\0")
    except OSError:
        return False


def until(seconds, arrived):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if arrived():
                return True
        except Exception:
            # The monitor that would know may not serve yet
            pass
        time.sleep(0.1)
    return False


def wait(name):
    def arrived():
        if serves(name):
            return True
        if not alive(name):
            sys.exit(f"{name} died")
        return False

    if not until(90, arrived):
        sys.exit(f"{name} does not serve after 90 s")


health = "?"


def settled():
    """
    A new mgr says HEALTH_OK before it has heard of any space or placement group. A warning that no start makes, a pool without
    an application, is not waited for.
    """
    global health
    status = ask("status")
    map, checks = status["pgmap"], status["health"]["checks"]
    groups = {one["state_name"]: one["count"] for one in map.get("pgs_by_state", [])}
    on_their_way = [f"{count} {name}" for name, count in groups.items() if name != "active+clean"]
    health = " ".join([status["health"]["status"], *checks, *on_their_way])
    starts = ("OSD_", "PG_", "MDS_", "FS_", "MGR_", "SLOW_", "OBJECT_")
    return bool(
        map["bytes_total"]
        and groups.get("active+clean", 0) == map["num_pgs"]
        and not any(check.startswith(starts) for check in checks)
    )


if word == "new":
    settings = {
        # No disks here; it would make a pool that nobody asked for
        "mgr/devicehealth/enable_monitoring": "false",
        # They follow every change of every placement group, and move data that is in place
        "mgr/progress/enabled": "false",
        "mgr/balancer/active": "false",
    }
    for key, value in settings.items():
        # force: the monitors hear of modules' options only from a mgr
        ask("config set", who="mgr", name=key, value=value, force=True)
    for number, uuid in enumerate(names):
        got = ask("osd new", uuid=uuid)["osdid"]
        if got != number:
            sys.exit(f"osd new gave {got} for osd.{number}")
elif word == "await":
    for name in names:
        wait(name)
else:
    until(20, settled)
    print(health)
# without the end of the connection, which takes longer than all of this
sys.stdout.flush()
sys.stderr.flush()
os._exit(0)
