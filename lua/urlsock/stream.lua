--- Streams: TCP, Unix and TLS connections.
-- @classmod stream

local core = require "urlsock.core"
local loop = require "urlsock.loop"
local options = require "urlsock.options"
local upgrade = require "urlsock.upgrade"

local class = core.stream
local method, finish = loop.method, loop.finish
local stream = {}

--- Reads one item.
-- `"l"` (default) a line without its end (LF or CRLF), `"L"` with it, `"a"` everything up to the
-- end, n exactly n bytes, -n 1 to n bytes. An item comes whole or not at all.
-- @function stream:read
-- @tparam[opt="l"] string|number format a leading `*` is accepted
-- @treturn[1] string the item
-- @treturn[2] nil
-- @treturn[2] string message
-- @treturn[2] string code `"eof"`, `"truncated"`, `"timeout"`, `"limit"`, `"reset"`, `"tls"`,
-- `"verify"`, `"plaintext"`, `"closed"`, `"busy"`, `"memory"`
stream.read = method(class, "read", true, false)

--- Reads up to a delimiter, which is consumed and not part of the result.
-- @function stream:readuntil
-- @tparam string delimiter at least one byte
-- @tparam[opt] number limit bytes; the stream's own by default
-- @treturn[1] string
-- @treturn[2] nil, message, code as `read`
stream.readuntil = method(class, "readuntil", true, false)

--- What is buffered, waiting for at least one byte; takes nothing away.
-- @function stream:peek
-- @tparam[opt] number n at most so many bytes
-- @treturn[1] string
-- @treturn[2] nil, message, code as `read`
stream.peek = method(class, "peek", true, false)

--- Writes strings and numbers, all of them, in as few packets or records as possible.
-- @function stream:write
-- @param ...
-- @treturn[1] stream
-- @treturn[2] nil
-- @treturn[2] string message
-- @treturn[2] string code
-- @treturn[2] number count bytes that were accepted and must not be sent again
stream.write = loop.variadic(class, "write", false, true)

--- Sends what is buffered.
-- @function stream:flush
-- @treturn[1] stream
-- @treturn[2] nil, message, code
stream.flush = method(class, "flush", false, true)

--- Completes a pending handshake now.
-- @function stream:handshake
-- @treturn[1] stream
-- @treturn[2] nil, message, code
stream.handshake = method(class, "open", true, true)

--- Announces our end: `"write"` (close_notify under TLS, then FIN), `"read"` or `"both"`.
-- @function stream:shutdown
-- @tparam[opt="write"] string how
-- @treturn[1] stream
-- @treturn[2] nil, message, code
stream.shutdown = method(class, "shutdown", false, true)

--- Ends TLS in both directions and goes on in the clear on the same socket.
-- @function stream:stoptls
-- @treturn[1] stream
-- @treturn[2] nil, message, code
stream.stoptls = method(class, "stoptls", true, true)

--- The bare descriptor; the stream is closed without touching the connection, and whoever waits for
-- it wakes.
-- @treturn[1] number
-- @treturn[2] nil
-- @treturn[2] string message
-- @treturn[2] string code `"unsupported"` under TLS or with bytes in the buffers
function stream:detach()
  loop.closing(self)
  return class.detach(self)
end

--- Receives a descriptor over a Unix socket, that the peer passed by `sendfd`: it is ours to close,
-- or `urlsock.adopt` takes it. What was sent before it has to be read first, and what is read must
-- not reach beyond: agree on who speaks when.
-- @function stream:receivefd
-- @treturn[1] number descriptor, close-on-exec
-- @treturn[2] nil
-- @treturn[2] string message
-- @treturn[2] string code `"unsupported"`, `"eof"`, `"timeout"`, `"system"`
stream.receivefd = method(class, "receivefd", true, false)

local send_descriptor = method(class, "sendfd", false, true)

--- Passes a descriptor over a Unix socket; ours stays open.
-- @param what a descriptor, or a socket
-- @treturn[1] stream
-- @treturn[2] nil, message, code
function stream:sendfd(what)
  local fd = type(what) == "userdata" and what:fd() or what
  if not options.is_whole(fd) then
    error(("bad argument #1 to 'sendfd' (descriptor or open socket expected, got %s)"):format(
      type(what)), 2)
  end
  return send_descriptor(self, fd)
end

--- Who connected, by a Unix socket.
-- @function stream:peercred
-- @treturn[1] table `{pid, uid, gid}`; no pid where the system does not tell
-- @treturn[2] nil, message, code

--- An iterator over `read`; raises on an error other than the end.
-- In Lua 5.1 it cannot wait under a scheduler: use `while` and `read` there.
-- @tparam[opt="l"] string|number format
-- @treturn function
function stream:lines(format)
  return function()
    local item, message, code = self:read(format)
    if item == nil and code ~= "eof" then error(message, 2) end
    return item
  end
end

--- Begins TLS on a connection that was in the clear.
--
-- What was written goes out first. What was received in the clear and not yet read is refused: it
-- would pass for words of the authenticated peer
-- ([RFC 3207 section 4.2](https://www.rfc-editor.org/rfc/rfc3207#section-4.2)).
-- With `protocol` it speaks that protocol's dialogue first, see `urlsock.starttls`.
-- If it fails, the socket is closed: it never falls back.
-- @tparam[opt] table|urlsock.tls|function given TLS options, or a server's function that chooses
-- them by the ClientHello (`{servername, alpn}`); and `servername`, `role`, `nested`, `timeout`,
-- `protocol` with the options of its dialogue, `tls` (in place of TLS options)
-- @treturn[1] stream the same socket, now under TLS
-- @treturn[1] ?table what a later login needs of what the server said (mysql)
-- @treturn[2] nil
-- @treturn[2] string message
-- @treturn[2] string code `"injected"`, `"verify"`, `"tls"`, `"plaintext"`, `"truncated"`,
-- `"starttls"`, `"limit"`, `"eof"`, `"timeout"`, `"reset"`, `"closed"`, `"busy"`
function stream:starttls(given)
  local origin, accepted = class.origin(self)
  local o = options.starttls(given, accepted, "starttls", 3)
  return upgrade(self, o, loop.deadline(o.timeout or class.gettimeout(self)), origin)
end

--- Says goodbye as far as that goes without waiting, and closes. What the kernel has no room for is
-- sent by a thread, which ends with the process: a script whose last word it is gives `seconds`.
-- @tparam[opt] number seconds wait at most that long for the peer's end
-- @treturn boolean true
function stream:close(seconds)
  if seconds ~= nil then
    options.seconds(seconds, "close", 3)
    finish(class, "finish", self, loop.deadline(seconds), true, true)
  end
  loop.closing(self)
  return class.close(self)
end

for _, name in ipairs {
  "setvbuf", "settimeout", "gettimeout", "localname", "peername", "info", "peerchain", "binding",
  "peercred", "getoption", "setoption", "fd", "pending", "want",
} do
  stream[name] = class[name]
end

loop.pollable(stream, class)
loop.closable(stream, class)
class.metatable.__index = stream

return stream
