-- The manual is complete: what the code has, it has too.
local core = require "urlsock.core"

local function contents(path)
  local f = assert(io.open(path))
  local text = f:read "*a"
  f:close()
  return text
end

describe("the manual", function()
  it("has every function of tls.h", function()
    local f = io.open "/usr/include/tls.h"
    if not f then return pending "tls.h is elsewhere" end
    local header, text = f:read "*a", contents "doc/tls.md"
    f:close()
    local n = 0
    for name in header:gmatch "[^%w_](tls_[%w_]+)%(" do
      n = n + 1
      assert.is_truthy(text:find("`" .. name .. "`", 1, true), name)
    end
    assert.is_true(n > 80)
  end)

  it("has every socket option", function()
    local text = contents "doc/options.md"
    for _, name in ipairs(core.options) do
      assert.is_truthy(text:find("| `" .. name .. "` |", 1, true), name)
    end
  end)

  it("has every error code", function()
    local text = contents "README.md"
    for _, code in ipairs(core.codes) do
      assert.is_truthy(text:find("`" .. code .. "`", 1, true), code)
    end
  end)
end)
