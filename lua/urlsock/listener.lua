--- Listeners.
-- @classmod listener

local choose = require "urlsock.choose"
local core = require "urlsock.core"
local loop = require "urlsock.loop"
local options = require "urlsock.options"

local class = core.listener
local listener = {}

--- The next connection, at once: a handshake happens at its first read, write or `handshake()`.
-- @tparam[opt] number seconds in place of the listener's timeout
-- @treturn[1] stream
-- @treturn[1] ?string the peer's URL; nil where it has no name
-- @treturn[2] nil
-- @treturn[2] string message
-- @treturn[2] string code `"timeout"`, `"closed"`, `"busy"`, `"system"`
function listener:accept(seconds)
  if seconds == nil then
    seconds = class.gettimeout(self)
  else
    options.seconds(seconds, "accept", 3)
  end
  local stream, peer, code =
    loop.finish(class, "accept", self, loop.deadline(seconds), true, false)
  if stream then choose.inherit(self, stream) end
  return stream, peer, code
end

--- An iterator over `accept`; ends when the listener is closed, raises on any other error, a
-- time-out included: `settimeout(nil)` makes a server that waits for ever.
-- @treturn function
function listener:clients()
  return function()
    local client, message, code = self:accept()
    if client == nil and code ~= "closed" then error(message, 2) end
    return client, client and message
  end
end

--- Sets the TLS configuration of connections from now on.
-- @tparam table|urlsock.tls|function given
-- @treturn[1] boolean true
-- @treturn[2] nil, message, code
function listener:settls(given)
  local config, message, code = options.config(options.tls(given, "settls", 3, true))
  if not config then return nil, message, code end
  local chosen = type(config) == "function"
  local ok
  ok, message, code = class.settls(self, chosen or config)
  if not ok then return nil, message, code end
  choose.set(self, chosen and config or nil)
  return true
end

--- Closes; the file of a Unix socket is removed.
-- @treturn boolean true
function listener:close()
  loop.closing(self)
  return class.close(self)
end

for _, name in ipairs {
  "settimeout", "gettimeout", "localname", "getoption", "setoption", "fd",
} do
  listener[name] = class[name]
end

loop.pollable(listener, class)
loop.closable(listener, class)
class.metatable.__index = listener

return listener
