--- Calls that are protected, and can be yielded across in Lua 5.1 too: there pcall cannot, so the
-- function runs in a coroutine that hands every yield on.
-- @module urlsock.relay

local relay = {}

local pack = table.pack or function(...) return { n = select("#", ...), ... } end
local unpack = table.unpack or unpack

local outer_of = setmetatable({}, { __mode = "kv" }) -- a coroutine -> the one that it hands on to

--- The coroutine that a scheduler knows of, for one that may hand on to it.
function relay.outermost(thread)
  while outer_of[thread] do thread = outer_of[thread] end
  return thread
end

local function call(f, ...)
  local thread = coroutine.create(f)
  outer_of[thread] = coroutine.running()
  local results = pack(coroutine.resume(thread, ...))
  while coroutine.status(thread) == "suspended" do
    results = pack(coroutine.resume(thread, coroutine.yield(unpack(results, 2, results.n))))
  end
  return unpack(results, 1, results.n)
end

--- pcall, but in PUC Lua 5.1. (A trial would have to yield, which nginx does not allow while a
-- module is loaded.)
relay.call = (_VERSION ~= "Lua 5.1" or rawget(_G, "jit")) and pcall or call

return relay
