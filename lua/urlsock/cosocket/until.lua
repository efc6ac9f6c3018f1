--- The iterators of receiveuntil.
-- @module urlsock.cosocket.until

local BLOCK = 4096

--- Bytes at the end of a text that may be the beginning of the pattern.
local function begun(text, pattern)
  for n = math.min(#pattern - 1, #text), 1, -1 do
    if text:sub(-n) == pattern:sub(1, n) then return n end
  end
  return 0
end

--- Takes n bytes from what is held back and then from the stream.
local function consume(state, take, n)
  local from_stream = n - #state.held
  if from_stream > 0 then take("read", -from_stream) end
  state.held = state.held:sub(n + 1)
end

--- What of a text can be handed out, and whether the pattern is behind it. What fills the room
-- comes first: the pattern is met by the next call, as in nginx.
local function split(text, pattern, room)
  local at = text:find(pattern, 1, true)
  local whole = at and at - 1 or #text - begun(text, pattern)
  local n = math.min(whole, room)
  return text:sub(1, n), at ~= nil and whole < room
end

--- Reads up to the pattern, or at most room bytes of what is before it.
local function read(state, take, room)
  local pattern, parts = state.pattern, {}
  while true do
    local seen, word = take("peek", BLOCK)
    -- what is held back stays so: after a time-out the pattern may still go on
    if not seen then return nil, word, table.concat(parts) end
    local text = state.held .. seen
    local chunk, is_hit = split(text, pattern, room)
    parts[#parts + 1] = chunk
    room = room - #chunk
    if is_hit then
      consume(state, take, #chunk + #pattern)
      if state.inclusive then parts[#parts + 1] = pattern end
      return table.concat(parts), nil, nil, true
    end
    if room == 0 then
      consume(state, take, #chunk)
      return table.concat(parts)
    end
    take("read", -#seen) -- what may be the pattern's beginning is held back
    state.held = text:sub(#chunk + 1)
  end
end

--- An iterator `next([size])`: everything before the pattern; or with a size so many bytes of it
-- at most, and `nil, nil, nil` when there is no more.
-- @tparam function take `take("read" | "peek", n)`: bytes, or nil and a word
-- @tparam string pattern
-- @tparam boolean inclusive whether the pattern is part of the result
return function(take, pattern, inclusive)
  local state = { pattern = pattern, inclusive = inclusive, held = "" }
  return function(size)
    if state.over then
      state.over = false
      return nil, nil, nil
    end
    if size ~= nil and (type(size) ~= "number" or size < 1) then
      error("bad argument #1 to iterator (size has to be positive)", 2)
    end
    local data, word, partial, is_hit = read(state, take, size or math.huge)
    if is_hit and size then state.over = true end
    return data, word, partial
  end
end
