--- newtry and protect: exceptions that carry a word. protect lets a coroutine yield, also in
-- Lua 5.1.
-- @module urlsock.luasocket.except

local except = {}
local mark = { __tostring = function(self) return tostring(self[1]) end }

local pack = table.pack or function(...) return { n = select("#", ...), ... } end
local unpack = table.unpack or unpack

local function nothing() end

--- A function that returns its arguments, or finalizes and raises the second.
function except.newtry(finalizer)
  finalizer = finalizer or nothing
  return function(...)
    if ... then return ... end
    finalizer()
    error(setmetatable({ (select(2, ...)) }, mark), 0)
  end
end

--- pcall, where it can be yielded across; else a coroutine that hands every yield on.
local function call(f, ...)
  local thread = coroutine.create(f)
  local results = pack(coroutine.resume(thread, ...))
  while coroutine.status(thread) == "suspended" do
    results = pack(coroutine.resume(thread, coroutine.yield(unpack(results, 2, results.n))))
  end
  return unpack(results, 1, results.n)
end

local yields = coroutine.resume(coroutine.create(function() pcall(coroutine.yield) end))
do
  local thread = coroutine.create(function() return pcall(coroutine.yield) end)
  local _ = coroutine.resume(thread)
  yields = yields and coroutine.status(thread) == "suspended"
end

local function answer(ok, ...)
  if ok then return ... end
  local problem = ...
  if getmetatable(problem) == mark then return nil, problem[1] end
  error(problem, 0)
end

--- The function, with what try raised in it returned as nil and the word.
function except.protect(f)
  return function(...) return answer((yields and pcall or call)(f, ...)) end
end

return except
