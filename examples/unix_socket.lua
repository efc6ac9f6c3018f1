-- Two ends of a Unix socket that only its owner may open.
--
--   lua examples/unix_socket.lua
local urlsock = require "urlsock"

local path = os.tmpname()
os.remove(path)
local listener = assert(urlsock.listen("unix://" .. path, { mode = tonumber("600", 8) }))
local client = assert(urlsock.connect(listener:localname()))
local server = assert(listener:accept())
assert(client:write("hello\n"))
print(server:read())
client:close()
print(select(3, server:read()))
server:close()
listener:close()
