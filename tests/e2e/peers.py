"""peers: real servers on loopback, and what is said to them taken down on the way."""
import select
import shutil
import socket
import subprocess
import threading
import time

NGINX = shutil.which("nginx")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def wait_for(port):
    for _ in range(100):
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)


def nginx_before(folder, port, directives):
    """(process, port of HTTP/1, port of HTTP/2) of an nginx before that port."""
    h1, h2 = free_port(), free_port()
    (folder / "nginx.conf").write_text("""daemon off; pid %s/pid; error_log %s/error; worker_processes 1; events {}
http { access_log off; client_body_temp_path %s/t; proxy_temp_path %s/p; fastcgi_temp_path %s/f; uwsgi_temp_path %s/u; scgi_temp_path %s/s;
%s
server { listen 127.0.0.1:%d; location / { proxy_pass http://127.0.0.1:%d; } }
server { listen 127.0.0.1:%d http2; location / { proxy_pass http://127.0.0.1:%d; } } }
""" % (*[folder] * 7, directives, h1, port, h2, port))
    process = subprocess.Popen([NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(h2)
    return process, h1, h2


class Tap:
    """A port before another. Of the one connection that is made to it, `turns` has what was said, ">" by the client, and `times` when."""

    def __init__(self, to):
        self.turns, self.times, self.to = [], [], to
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.relay, daemon=True)
        self.thread.start()

    def relay(self):
        client, _ = self.listener.accept()
        server = socket.create_connection(("127.0.0.1", self.to))
        ends = {client: (server, ">"), server: (client, "<")}
        while ends:
            for s in select.select(list(ends), [], [], 20)[0]:
                self.pass_on(s, *ends[s], ends)
        client.close()
        server.close()

    def pass_on(self, source, target, way, ends):
        try:
            data = source.recv(65536)
        except OSError:
            data = b""
        try:
            if data:
                self.turns.append((way, data))
                self.times.append(time.monotonic())
                target.sendall(data)
            else:
                del ends[source]
                target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def done(self):
        """When both sides have ended: what was said."""
        self.thread.join(25)
        self.listener.close()
        return self.turns
