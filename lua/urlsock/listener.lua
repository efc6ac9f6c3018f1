--- Listeners.
-- @classmod listener

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
  return loop.finish(class, "accept", self, loop.deadline(seconds), true, false)
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
-- @tparam table|urlsock.tls given
-- @treturn[1] boolean true
-- @treturn[2] nil, message, code
function listener:settls(given)
  local config, message, code = options.config(options.tls(given, "settls", 3))
  if not config then return nil, message, code end
  return class.settls(self, config)
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

class.metatable.__index = listener

return listener
