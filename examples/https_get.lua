-- Fetches a page by hand, and tells an end from a cut.
--
--   lua examples/https_get.lua host port path [ca.pem]
local urlsock = require "urlsock"

local host, port, path, ca = arg[1], tonumber(arg[2]), arg[3], arg[4]
local s = assert(urlsock.connect("tls://" .. host, port, ca and { tls = { ca = ca } } or nil))
assert(s:write("GET ", path, " HTTP/1.0\r\nHost: ", host, "\r\nConnection: close\r\n\r\n"))
print(assert(s:read()))
repeat local line = assert(s:read()) until line == ""
print(assert(s:read "a"))
s:close()
