>>>
\r\n\c
GET /with space/ä HTTP/1.1
Host: h.test
X: \c
y

<<<
HTTP/1.1 304 Not Modified
Content-Length: 50

>>>
BREW /pot HTTP/1.1
Host: h.test

<<<
HTTP/1.1 418 I'm a teapot
Content-Length: 0

===
GET /with space/ä 304 complete req=0 rsp=0 body=unknown
BREW /pot 418 complete req=0 rsp=0 body=known
