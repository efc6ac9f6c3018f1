--- newtry and protect: exceptions that carry a word. protect lets a coroutine yield, also in
-- Lua 5.1.
-- @module urlsock.luasocket.except

local relay = require "urlsock.relay"

local except = {}
local mark = { __tostring = function(self) return tostring(self[1]) end }

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

local function answer(ok, ...)
  if ok then return ... end
  local problem = ...
  if getmetatable(problem) == mark then return nil, problem[1] end
  error(problem, 0)
end

--- The function, with what try raised in it returned as nil and the word.
function except.protect(f)
  return function(...) return answer(relay.call(f, ...)) end
end

return except
