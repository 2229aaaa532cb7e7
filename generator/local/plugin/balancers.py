"""Internal load balancers: an address of the loopback network each, and on it every deployed listener.

MiniStack answers all load balancers on its one port, by the name that a request asks for. An internal one is asked by
tasks at `http://<its name>:<port>`, so here its name is an address of this machine. A request goes to the healthy
target with the fewest under way, or to each in turn, as the target group says; answers are passed on as they come.
"""

from __future__ import annotations

import http.client
import itertools
import logging
import os
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ministack.core.responses import request_scope
from ministack.services import alb
from ministack.services.cloudformation import provisioners

from . import targets
from .resources import Made, Properties

_log = logging.getLogger("balancers")
_TICK_S = 0.25
# Between those of tasks (agent.py) and those of instances (instances.py).
_HOST_NUMBERS = range(128, 130)
_HOP_BY_HOP = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding"})

_under_way: Counter[tuple[str, str]] = Counter()
_turn = itertools.count()
_lock = threading.Lock()


def under_way(group: str, target: str) -> int:
    """Requests of a target group that a target has not answered to the end."""
    return _under_way[(group, target)]


class _Balancer(ThreadingHTTPServer):
    """One listener of one load balancer."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], account: str, region: str, listener: str) -> None:
        super().__init__(address, _Relay)
        self.account, self.region, self.listener = account, region, listener
        threading.Thread(target=self.serve_forever, name=f"elb-{listener[-8:]}", daemon=True).start()

    def target_group(self) -> str | None:
        """The ARN that the listener forwards to now."""
        with request_scope(self.account, self.region):
            listener = alb._listeners.get(self.listener) or {}
            return next((each.get("TargetGroupArn") for each in listener.get("DefaultActions", ())), None)

    def choose(self, group: str) -> tuple[str, str, int] | None:
        """A target's id, address and port, and from now on one more request under way at it."""
        with request_scope(self.account, self.region), _lock:
            asked = targets.eligible(group)
            if not asked:
                return None
            first = next(_turn) % len(asked)
            turned = [*asked[first:], *asked[:first]]
            if _attribute(group, "load_balancing.algorithm.type") == "least_outstanding_requests":
                turned.sort(key=lambda each: _under_way[(group, each[0])])
            target, port = turned[0]
            _under_way[(group, target)] += 1
            return target, targets.address_of(target), port

    def idle_s(self) -> float:
        """For how long neither side may be silent."""
        with request_scope(self.account, self.region):
            arn = (alb._listeners.get(self.listener) or {}).get("LoadBalancerArn", "")
            found = {each["Key"]: each["Value"] for each in alb._lb_attrs.get(arn, ())}
            return float(found.get("idle_timeout.timeout_seconds", 60))

    def handle_error(self, *_: object) -> None:
        """Nothing: a client that goes is no error of ours."""


class _Relay(BaseHTTPRequestHandler):
    """Passes requests on, one after the other on each connection of a client."""

    protocol_version = "HTTP/1.1"
    server: _Balancer

    def do_GET(self) -> None:
        self._pass_on()

    def do_POST(self) -> None:
        self._pass_on()

    def _pass_on(self) -> None:
        group = self.server.target_group()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chosen = self.server.choose(group) if group else None
        if group is None or chosen is None:
            self._refuse(503)
            return
        target, address, port = chosen
        connection = http.client.HTTPConnection(address, port, timeout=self.server.idle_s())
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
            try:
                connection.request(self.command, self.path, body or None, headers)
                answer = connection.getresponse()
            except (OSError, http.client.HTTPException):
                self._refuse(502)
                return
            self._answer(answer)
        finally:
            connection.close()
            with _lock:
                _under_way[(group, target)] -= 1

    def _answer(self, answer: http.client.HTTPResponse) -> None:
        length = answer.getheader("Content-Length")
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header(*(("Content-Length", length) if length else ("Transfer-Encoding", "chunked")))
        self.end_headers()
        # What breaks off behind us breaks off before us: no last chunk, and the connection closes.
        self.close_connection = True
        try:
            while piece := answer.read1(65536):
                self.wfile.write(piece if length else b"%x\r\n%s\r\n" % (len(piece), piece))
            if length and answer.length:
                return
            if not length:
                self.wfile.write(b"0\r\n\r\n")
        except (OSError, http.client.HTTPException):
            return
        self.close_connection = False

    def _refuse(self, status: int) -> None:
        self.send_response_only(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: a load balancer's access log is not emulated."""


def _attribute(group: str, name: str) -> str | None:
    return next((each["Value"] for each in alb._tg_attrs.get(group, ()) if each["Key"] == name), None)


def drain_s(group: str) -> float:
    """For how long a target that was taken out may finish what it has."""
    return float(_attribute(group, "deregistration_delay.timeout_seconds") or 300)


def _wanted() -> dict[tuple[str, int], tuple[str, str, str]]:
    """Where listeners should be, and for which one each."""
    found = {}
    for (account, region, arn), listener in list(alb._listeners.all_items()):
        with request_scope(account, region):
            balancer = alb._lbs.get(listener.get("LoadBalancerArn", "")) or {}
        if balancer.get("DNSName", "").startswith(os.environ["ECG_LOOPBACK_PREFIX"]):
            found[(balancer["DNSName"], int(listener["Port"]))] = (account, region, arn)
    return found


def _watch() -> None:
    open_now: dict[tuple[str, int], _Balancer] = {}
    while True:
        time.sleep(_TICK_S)
        try:
            wanted = _wanted()
            for at in [at for at, one in open_now.items() if wanted.get(at) != (one.account, one.region, one.listener)]:
                closing = open_now.pop(at)
                closing.shutdown()
                closing.server_close()
            for at in wanted.keys() - open_now.keys():
                open_now[at] = _Balancer(at, *wanted[at])
        except Exception:
            _log.exception("the load balancers stumbled; they go on")
            time.sleep(1)


def _addressed() -> None:
    """An internal load balancer's name is its address."""
    kind = provisioners._RESOURCE_HANDLERS["AWS::ElasticLoadBalancingV2::LoadBalancer"]
    create = kind["create"]

    def created(logical_id: str, properties: Properties, stack: str) -> Made:
        arn, attributes = create(logical_id, properties, stack)
        if properties.get("Scheme") == "internal":
            alb._lbs[arn]["DNSName"] = attributes["DNSName"] = _free_address()
        return arn, attributes

    kind["create"] = created


def _free_address() -> str:
    taken = {balancer["DNSName"] for _, balancer in alb._lbs.all_items()}
    for number in _HOST_NUMBERS:
        if (address := f"{os.environ['ECG_LOOPBACK_PREFIX']}.{number}") not in taken:
            return address
    raise ValueError(f"all {len(_HOST_NUMBERS)} addresses for internal load balancers are in use")


def install() -> None:
    """Give internal load balancers addresses, and listen there."""
    _addressed()
    threading.Thread(target=_watch, name="elb-listeners", daemon=True).start()
