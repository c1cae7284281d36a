-- The tenant registry and the upstreams' credentials: files that others write and that change while running.
-- A registry that cannot be used changes nothing: the last good one stays, and one log line says why.
local cjson = require("cjson.safe")
local config = require("sanmen.config")
local metrics = require("sanmen.metrics")

local _M = {}

local by_hash = nil
local registry_text, refused_text = nil, nil
local credentials = {}

local KNOWN = { name = true, key_sha256 = true, requests_per_minute = true, mainland_only = true, enabled = true }

local function check_tenant(place, tenant)
  if type(tenant) ~= "table" then
    return place .. ": an object is wanted"
  end
  for key in pairs(tenant) do
    if not KNOWN[key] then
      return place .. ": has a key that is not known"
    end
  end
  local name = tenant.name
  if type(name) ~= "string" or #name > 40 or not name:find("^[a-z0-9][a-z0-9-]*$") then
    return place .. ".name: 1 to 40 of a-z, 0-9 and - are wanted"
  end
  if type(tenant.key_sha256) ~= "table" or #tenant.key_sha256 == 0 then
    return place .. ".key_sha256: a list of SHA-256 in hex is wanted"
  end
  for _, hash in ipairs(tenant.key_sha256) do
    if type(hash) ~= "string" or #hash ~= 64 or hash:find("[^0-9a-f]") then
      return place .. ".key_sha256: 64 lower-case hex digits each are wanted"
    end
  end
  local rate = tenant.requests_per_minute
  if rate ~= nil and (type(rate) ~= "number" or rate < 1 or rate ~= math.floor(rate)) then
    return place .. ".requests_per_minute: a whole number from 1 is wanted"
  end
  for _, flag in ipairs({ "mainland_only", "enabled" }) do
    if tenant[flag] ~= nil and type(tenant[flag]) ~= "boolean" then
      return place .. "." .. flag .. ": true or false is wanted"
    end
  end
end

-- An empty object decodes as an empty list does; as the only key it shows in the text.
local function is_list(value, text)
  return type(value) == "table" and (#value > 0 or (next(value) == nil and text:find('"tenants"%s*:%s*%[') ~= nil))
end

-- parse(text) -> table hash -> tenant, number of tenants | nil, reason (never quoting a value)
function _M.parse(text)
  local document = cjson.decode(text)
  if type(document) ~= "table" or not is_list(document.tenants, text) then
    return nil, "not a JSON object with a list `tenants`"
  elseif next(document, next(document)) then
    return nil, "has a key beside `tenants`"
  end
  local hashes, names, count = {}, {}, 0
  for i, given in ipairs(document.tenants) do
    local place = "tenants[" .. (i - 1) .. "]"
    local tenant = type(given) == "table" and config.clear_nulls(given) or given
    local wrong = check_tenant(place, tenant)
    if wrong then
      return nil, wrong
    end
    if names[tenant.name] then
      return nil, place .. ".name: is there twice"
    end
    names[tenant.name] = true
    count = count + 1
    for _, hash in ipairs(tenant.key_sha256) do
      if hashes[hash] then
        return nil, place .. ".key_sha256: a key belongs to one tenant, once"
      end
      hashes[hash] = {
        name = tenant.name,
        requests_per_minute = tenant.requests_per_minute or config.limits.requests_per_minute,
        mainland_only = tenant.mainland_only == true,
        enabled = tenant.enabled ~= false,
      }
    end
  end
  return hashes, count
end

-- load_registry(speaks): one process reports what all of them find
local function load_registry(speaks)
  local text = config.read(config.paths.secrets .. "/tenants.json")
  if text and text == registry_text then
    refused_text = nil
    return
  end
  local hashes, count = nil, "cannot be read"
  if text then
    hashes, count = _M.parse(text)
  end
  if hashes then
    by_hash, registry_text, refused_text = hashes, text, nil
    if speaks then
      metrics.set("sanmen_tenants", nil, count)
      metrics.set("sanmen_registry_loaded_timestamp_seconds", nil, math.floor(ngx.time()))
      ngx.log(ngx.NOTICE, "tenant registry: ", count, " tenants")
    end
  elseif refused_text ~= (text or "") then
    refused_text = text or ""
    if speaks then
      metrics.add("sanmen_registry_failures_total")
      local kept = by_hash and "; the last good one stays" or "; nobody is admitted"
      ngx.log(ngx.ERR, "tenant registry refused: ", count, kept)
    end
  end
end

local function load_credentials(speaks)
  for _, upstream in ipairs(config.upstreams) do
    local text = config.read(config.paths.secrets .. "/" .. upstream.credential_name)
    local credential = text and text:match("^%s*(%S+)%s*$")
    -- What would break a header line is no credential.
    if credential and not credential:find("[^\33-\126]") then
      credentials[upstream.name] = credential
    end
    if speaks then
      local labels = metrics.labels("upstream", upstream.name)
      metrics.set("sanmen_credentials", labels, credentials[upstream.name] and 1 or 0)
    end
  end
end

-- init(): before the workers start, so that none of them ever serves without
function _M.init()
  metrics.add("sanmen_registry_failures_total", nil, 0)
  load_registry(true)
  load_credentials(true)
end

function _M.init_worker()
  local speaks = ngx.worker.id() == 0
  local function look(premature)
    if not premature then
      load_registry(speaks)
      load_credentials(speaks)
    end
  end
  assert(ngx.timer.every(config.tenants_poll_s, look))
end

-- find(hash) -> tenant or nil
function _M.find(hash)
  return by_hash and by_hash[hash]
end

function _M.credential(upstream)
  return credentials[upstream.name]
end

-- ready() -> true | false, reason
function _M.ready()
  if not by_hash then
    return false, "no tenant registry"
  end
  if not next(credentials) then
    return false, "no upstream credential"
  end
  return true
end

return _M
