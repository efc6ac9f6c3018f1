--- A TLS configuration for each client, chosen from its ClientHello.
-- The function runs outside libtls: it may wait, as any code of its coroutine may.
-- @module urlsock.choose

local core = require "urlsock.core"
local options = require "urlsock.options"

local class = core.stream
local choose = {}

-- stream -> function; and listener -> function, for the streams that it accepts. The function may
-- well refer to its socket: in Lua 5.1 a weak table would keep both for ever, and there the socket
-- itself holds it.
local choosers = setmetatable({}, { __mode = "k" })
local environment, set_environment = debug.getfenv, debug.setfenv

--- The function by which the configuration of a socket is chosen, or nil.
local function chooser(socket)
  if environment then return rawget(environment(socket), choosers) end
  return choosers[socket]
end

--- Says by which function the configuration of a socket is chosen; nil: by none.
function choose.set(socket, f)
  if set_environment then
    set_environment(socket, f and { [choosers] = f } or {})
  else
    choosers[socket] = f
  end
end

--- An accepted stream takes over its listener's.
function choose.inherit(listener, stream)
  local f = chooser(listener)
  if f then choose.set(stream, f) end
end

--- Calls the function of a stream whose client has spoken, and goes by its answer: TLS options, a
-- `urlsock.tls` object, or nil with a message to refuse the client.
function choose.answer(stream)
  local f, hello = chooser(stream), class.hello(stream)
  if not f or not hello then return end
  local given, message = f(hello)
  local config
  if given then
    config, message = options.config(options.tls(given, "tls", 1))
  end
  local ok
  if config then
    ok, message = core.tls.serves(config) -- in words without the stream's name
    if ok then ok, message = class.configure(stream, config) end
  end
  if ok then
    choose.set(stream, nil)
  else
    class.refuse(stream, message and tostring(message) or ("no configuration for %s"):format(
      hello.servername and "'" .. hello.servername .. "'" or "a client that names no server"))
  end
end

return choose
