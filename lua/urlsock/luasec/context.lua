--- LuaSec's parameters, as options of ours.
-- @module urlsock.luasec.context

local urlsock = require "urlsock"

local context = {}
local meta = { __name = "SSL context" }

local protocols = {
  any = false, sslv23 = false, tlsv1 = "tlsv1.0", tlsv1_1 = "tlsv1.1", tlsv1_2 = "tlsv1.2",
  tlsv1_3 = "tlsv1.3",
}

-- What LuaSec lets a program switch off or on. libtls never does the first, and always the second.
local settled = {}
for name in ([[all no_sslv2 no_sslv3 no_tlsv1 no_tlsv1_1 no_compression no_ticket no_renegotiation
  no_session_resumption_on_renegotiation single_dh_use single_ecdh_use cipher_server_preference
  no_query_mtu cookie_exchange dont_insert_empty_fragments ephemeral_rsa prioritize_chacha
  no_encrypt_then_mac]]):gmatch "%S+" do
  settled[name] = true
end

local refused = {
  ciphersuites = "libtls does not choose those of TLS 1.3",
  verifyext = "libtls has no such flags", dane = "libtls does not check TLSA records",
}

local function list(v)
  if v == nil then return {} end
  return type(v) == "table" and v or { v }
end

local function set_of(v)
  local set = {}
  for _, item in ipairs(list(v)) do set[item] = true end
  return set
end

local function secret(password)
  if type(password) == "function" then return password() end
  return password
end

local function pair_of(p)
  return { cert = p.certificate, key = p.key, password = secret(p.password) }
end

local function certificates(o, cfg)
  if cfg.certificates then
    o.certs = {}
    for i, p in ipairs(cfg.certificates) do o.certs[i] = pair_of(p) end
    return
  end
  for name, value in pairs(pair_of(cfg)) do o[name] = value end
end

--- The versions of TLS that are left.
local function versions(o, cfg)
  local name = cfg.protocol or "any"
  local version = protocols[name]
  if version == nil then return nil, ("invalid protocol (%s)"):format(tostring(name)) end
  local without = set_of(cfg.options)
  for option in pairs(without) do
    if not settled[option] and option ~= "no_tlsv1_2" and option ~= "no_tlsv1_3" then
      return nil, ("invalid option (%s)"):format(tostring(option))
    end
  end
  if without.no_tlsv1_2 and without.no_tlsv1_3 then return nil, "no protocol is left" end
  if without.no_tlsv1_2 then version = version or "tlsv1.3" end
  if without.no_tlsv1_3 then version = version or "tlsv1.2" end
  o.protocols = version or nil
  return true
end

--- Who is verified. A client verifies its server, unless that is switched off in two places.
local function verification(self, o, cfg)
  local verify = set_of(cfg.verify)
  local ca = cfg.cafile or cfg.capath
  if cfg.cafile and cfg.capath then return nil, "cafile and capath: only one of them can be" end
  if self.server then
    if verify.peer then o.client = verify.fail_if_no_peer_cert and "require" or "optional" end
    if o.client then o.clientca = ca end
    return true
  end
  o.ca = ca
  if verify.none and cfg.insecure == true then
    self.insecure = true
    o.insecure_noverifycert, o.insecure_noverifyname, o.insecure_noverifytime = true, true, true
  end
  return true
end

local function options_of(self, cfg)
  local o = { ciphers = cfg.ciphers, depth = cfg.depth, pin = cfg.pin, curves = cfg.curveslist }
  for name, why in pairs(refused) do
    if cfg[name] then return nil, name .. ": " .. why end
  end
  certificates(o, cfg)
  local ok, message = versions(o, cfg)
  if ok then
    ok, message = verification(self, o, cfg)
  end
  if not ok then return nil, message end
  o.curves = o.curves or cfg.curve
  if type(cfg.alpn) == "function" then
    self.chooses = cfg.alpn
  elseif cfg.alpn then
    o.alpn = list(cfg.alpn)
  end
  return o
end

--- A server's function of the ClientHello, where the caller picks the protocol itself.
local function chooser(o, alpn)
  return function(hello)
    local chosen = {}
    for name, value in pairs(o) do chosen[name] = value end
    chosen.alpn = list(alpn(hello.alpn))
    if #chosen.alpn == 0 then chosen.alpn = nil end
    return chosen
  end
end

--- A context: everything is read and checked here.
-- @tparam table cfg LuaSec's parameters; and `servername` (or `host`), `pin`, `insecure`
-- @treturn[1] table
-- @treturn[2] nil, message
function context.new(cfg)
  if cfg.mode ~= "client" and cfg.mode ~= "server" then
    return nil, ("invalid mode (%s)"):format(tostring(cfg.mode))
  end
  local self = { server = cfg.mode == "server", servername = cfg.servername or cfg.host }
  local o, message = options_of(self, cfg)
  if not o then return nil, message end
  self.config, message = urlsock.tls(o)
  if not self.config then return nil, message end
  if self.chooses then self.chooser = chooser(o, self.chooses) end
  return setmetatable(self, meta)
end

function context.is(v) return getmetatable(v) == meta end

return context
