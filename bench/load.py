"""Requests at a steady rate, whatever the answers take: a latency counts from the moment at which the request was due, so a server that
stalls is not spared the ones that wait."""
import http.client
import json
import threading
import time
import urllib.parse


class Client:
    """One kept connection; a new one after a fault. A thread each."""

    def __init__(self, url):
        self.host, self.connection = urllib.parse.urlsplit(url).netloc, None

    def ask(self, method, path, body=None):
        """-> status, answer (0 and the fault if there was none)."""
        try:
            if not self.connection:
                self.connection = http.client.HTTPConnection(self.host, timeout=60)
            data = None if body is None else json.dumps(body)
            self.connection.request(method, path, data, {"Content-Type": "application/json"} if data else {})
            answer = self.connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None
        except (OSError, http.client.HTTPException, ValueError) as e:
            self.connection = None
            return 0, str(e)


class Load:
    """`requests`: [(method, path, body)], taken in turn from the start again. Runs from start() to stop(); `answers` then holds
    (number of the request, seconds after start() when it was due, seconds that it took, status, answer), oldest due first."""

    def __init__(self, url, requests, per_s, clients=16):
        self.url, self.requests, self.per_s, self.clients = url, requests, per_s, clients
        self.answers, self.lock, self.next, self.ended = [], threading.Lock(), 0, False

    def work(self):
        client = Client(self.url)
        while True:
            with self.lock:
                number, self.next = self.next, self.next + 1
            due = self.started + number / self.per_s
            while (left := due - time.monotonic()) > 0 and not self.ended:
                time.sleep(min(left, 0.05))
            if self.ended:
                return
            status, answer = client.ask(*self.requests[number % len(self.requests)])
            taken = time.monotonic() - due
            with self.lock:
                self.answers.append((number % len(self.requests), due - self.started, taken, status, answer))

    def start(self):
        self.started = time.monotonic()
        self.threads = [threading.Thread(target=self.work) for _ in range(self.clients)]
        for t in self.threads:
            t.start()
        return self

    def stop(self):
        self.ended = True
        for t in self.threads:
            t.join()
        self.answers.sort(key=lambda a: a[1])
        return self.answers


def percentile_ms(answers, share):
    times = sorted(a[2] for a in answers)
    return 1000 * times[min(len(times) - 1, int(share * len(times)))] if times else float("nan")
