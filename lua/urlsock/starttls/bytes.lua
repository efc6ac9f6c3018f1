--- Numbers as bytes, and bytes that nobody can guess; for the binary protocols.
-- @module urlsock.starttls.bytes

local bytes = {}

--- A whole number as n bytes, the most significant first.
function bytes.big(n, value)
  local t = {}
  for i = n, 1, -1 do
    t[i] = string.char(value % 256)
    value = math.floor(value / 256)
  end
  return table.concat(t)
end

--- A whole number as n bytes, the least significant first.
function bytes.little(n, value) return bytes.big(n, value):reverse() end

--- The number in a string, the most significant byte first.
function bytes.number(s)
  local value = 0
  for i = 1, #s do value = value * 256 + s:byte(i) end
  return value
end

--- The number in a string, the least significant byte first.
function bytes.number_little(s) return bytes.number(s:reverse()) end

--- Is a bit, given as its value, set in a number?
function bytes.has(value, bit) return value % (2 * bit) >= bit end

--- n bytes of the system's random source; nil without one.
function bytes.random(n)
  local f = io.open("/dev/urandom", "rb")
  if not f then return nil end
  local s = f:read(n)
  f:close()
  return s
end

return bytes
