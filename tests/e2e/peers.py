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
    """A port before another. Of each connection to it `all` has what was said, ">" by the client, and `times` when."""

    def __init__(self, to):
        self.all, self.times, self.threads, self.to = [], [], [], to
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.all.append([])
            self.times.append([])
            self.threads.append(threading.Thread(target=self.relay, args=(client, self.all[-1], self.times[-1]), daemon=True))
            self.threads[-1].start()

    def relay(self, client, turns, times):
        server = socket.create_connection(("127.0.0.1", self.to))
        ends = {client: (server, ">"), server: (client, "<")}
        while ends:
            for s in select.select(list(ends), [], [], 20)[0]:
                target, way = ends[s]
                try:
                    data = s.recv(65536)
                except OSError:
                    data = b""
                try:
                    if data:
                        turns.append((way, data))
                        times.append(time.monotonic())
                        target.sendall(data)
                    else:
                        del ends[s]
                        target.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
        client.close()
        server.close()

    def done(self):
        """When the first connection has ended: what was said in it."""
        self.threads[0].join(25)
        self.listener.close()
        return self.all[0]
