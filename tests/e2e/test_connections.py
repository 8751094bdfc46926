"""How many connections there may be, whose they are, and how long a head may take: one server with small bounds."""
import select
import socket

import pytest
from conftest import Server, running, wait_for

LIVE = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def server():
    settings = ["server.address=0.0.0.0", "server.connections_max=8", "server.connections_per_address=3", "server.header_ms=400"]
    with running(Server(flags=["--insecure", *[x for setting in settings for x in ("--set", setting)]])) as s:
        yield s


def dial(server, host="127.0.0.1"):
    return socket.create_connection((host, server.port), timeout=20)


def served(s):
    """Whether a connection, new or kept, is answered."""
    try:
        s.sendall(LIVE)
        return s.recv(4096).startswith(b"HTTP/1.1 200")
    except ConnectionError:
        return False


def own_address():
    """One that is not of the loopback, which has no share."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address")
        return s.getsockname()[0]


def test_a_head_has_its_time_in_all(server):
    with dial(server) as s:
        s.sendall(LIVE[:-2] + b"X-Slow: ")
        for _ in range(500):  # never idle for long
            if select.select([s], [], [], .02)[0]:
                break
            s.sendall(b"a")
        assert s.recv(4096).startswith(b"HTTP/1.1 408")


def test_an_address_has_its_share(server):
    address = own_address()
    mine = [dial(server, address) for _ in range(3)]
    assert all(map(served, mine))
    with dial(server, address) as one_more:
        assert not served(one_more)
    assert all(map(served, mine))
    server.get("/livez")  # from this machine's loopback
    mine.pop().close()

    def again():
        s = dial(server, address)
        mine.append(s)
        return served(s)

    wait_for(again)
    [s.close() for s in mine]


def test_who_has_waited_longest_makes_room(server):
    server.session.close()
    with dial(server) as busy:
        busy.sendall(b"POST /v1/collections HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{")
        kept = []
        while len(kept) < 7:
            s = dial(server)
            assert served(s)
            kept.append(s)
        with dial(server) as newcomer:
            assert served(newcomer)  # once the others have waited for a second
        closed, _, _ = select.select(kept, [], [], 10)
        assert closed and closed[0].recv(1) == b""
        busy.sendall(b'"name":"room"}')
        assert busy.recv(4096).startswith(b"HTTP/1.1 201")
    [s.close() for s in kept]
