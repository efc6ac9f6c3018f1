--- From the clear to TLS: a protocol's dialogue where one is asked for, then the handshake, under
-- one deadline. A failure is final.
-- @module urlsock.upgrade

local choose = require "urlsock.choose"
local core = require "urlsock.core"
local loop = require "urlsock.loop"
local options = require "urlsock.options"
local starttls = require "urlsock.starttls"

local class, finish = core.stream, loop.finish

--- Closes for good: what this call answers is what every later one does.
local function fail(socket, message, code)
  loop.closing(socket)
  class.kill(socket, message, code)
  return class.open(socket)
end

--- The handshake. nil, message, code is final, if the stream is closed then.
local function seal(socket, o, config, servername, deadline)
  if type(config) == "function" then
    choose.set(socket, config)
    config = nil
  end
  local value, message, code = finish(class, "starttls", socket, deadline, true, true, config,
    o.server and "server" or "client", servername, o.nested)
  if value then return value end
  if code == "timeout" then return fail(socket, "starttls: timed out", code) end
  return nil, message, code
end

--- Does the dialogue apply? Not where the handshake would be refused without harm: under TLS
-- already, or while another coroutine uses the stream. A failed stream is refused there, too.
local function may_talk(socket, o, deadline)
  if not finish(class, "open", socket, deadline, true, true) then return false end
  if class.info(socket).tls and not o.nested then return false end
  local _, _, code = class.flush(socket)
  if code ~= "busy" then _, _, code = class.peek(socket, 1) end
  return code ~= "busy"
end

--- Upgrades a stream.
-- @tparam stream socket
-- @tparam table o from options.starttls or options.upgrade
-- @tparam ?number deadline
-- @tparam string origin the URL that it was opened from
-- @treturn[1] stream
-- @treturn[1] ?table what the dialogue has heard for later
-- @treturn[2] nil, message, code
return function(socket, o, deadline, origin)
  local ok, config, message, code
  ok, message, code = finish(class, "upgradable", socket, deadline, true, true, o.nested)
  if not ok then return nil, message, code end
  config, message, code = options.config(o.tls, nil, not o.server)
  if config and o.server and type(config) ~= "function" then
    ok, message, code = core.tls.serves(config)
  end
  if not config or not ok then return fail(socket, message, code) end
  local url = core.parse(origin)
  local host = url and url.host
  local servername = o.servername
  if not servername and not o.server then
    servername = o.dialogue and o.dialogue.domain or host
  end
  if not o.dialogue or not may_talk(socket, o, deadline) then
    return seal(socket, o, config, servername, deadline)
  end
  local talk, agreed, heard = starttls.talk(socket, o.dialogue, o.server, deadline, host)
  if not agreed then
    if not talk.offers and o.dialogue.optional then return socket, heard end
    return fail(socket, talk.message, talk.code)
  end
  local value
  value, message, code = seal(socket, o, config, servername, deadline)
  if not value then return nil, message, code end
  return value, heard
end
