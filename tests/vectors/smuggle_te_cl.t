>>>
POST /s HTTP/1.1
Host: h.test
Content-Length: 4
Transfer-Encoding: chunked

3
abc
0

<<<
HTTP/1.1 200 OK
Content-Length: 2
Content-Length: 3

ok\c
===
POST /s 200 complete req=3 rsp=2 body=known ambiguous
