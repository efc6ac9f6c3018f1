--- Sinks and sources over sockets, for ltn12.
-- @module urlsock.luasocket.pump

local pump = { sinkt = {}, sourcet = {} }

--- A callable object that shows its socket's descriptor.
local function around(socket, call)
  return setmetatable({
    getfd = function() return socket:getfd() end,
    dirty = function() return socket:dirty() end,
  }, { __call = call })
end

pump.sinkt["close-when-done"] = function(socket)
  return around(socket, function(_, chunk)
    if chunk then return socket:send(chunk) end
    socket:close()
    return 1
  end)
end

pump.sinkt["keep-open"] = function(socket)
  return around(socket, function(_, chunk)
    if chunk then return socket:send(chunk) end
    return 1
  end)
end

pump.sourcet["by-length"] = function(socket, length)
  return around(socket, function()
    if length <= 0 then return nil end
    local chunk, word = socket:receive(math.min(pump.socket.BLOCKSIZE, length))
    if word then return nil, word end
    length = length - #chunk
    return chunk
  end)
end

pump.sourcet["until-closed"] = function(socket)
  local done
  return around(socket, function()
    if done then return nil end
    local chunk, word, partial = socket:receive(pump.socket.BLOCKSIZE)
    if not word then return chunk end
    if word ~= "closed" then return nil, word end
    socket:close()
    done = true
    return partial
  end)
end

pump.sinkt.default, pump.sourcet.default =
  pump.sinkt["keep-open"], pump.sourcet["until-closed"]

--- A function that takes one by its name, which may be left out.
function pump.choose(kinds)
  return function(name, a, b)
    if type(name) ~= "string" then
      name, a, b = "default", name, a
    end
    local make = kinds[name]
    if not make then error("unknown key (" .. name .. ")", 3) end
    return make(a, b)
  end
end

pump.sink, pump.source = pump.choose(pump.sinkt), pump.choose(pump.sourcet)

return pump
