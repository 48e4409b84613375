>>>
PUT /big HTTP/1.1
Host: h.test
Content-Length: 6
Expect: 100-continue

<<<
HTTP/1.1 100 Continue

>>>
abcdef\c
<<<
HTTP/1.1 103 Early Hints
Link: </x>

HTTP/1.1 201 Created
Content-Length: 2

ok\c
===
PUT /big 201 complete req=6 rsp=2 body=known
