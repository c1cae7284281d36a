-- Who calls. The key is hashed and forgotten; it is in no log, metric, error or upstream request.
local sha256 = require("sanmen.sha256")
local tenants = require("sanmen.tenants")

local _M = {}

local function presented_key()
  local key = ngx.var.http_x_api_key
  if key and key ~= "" then
    return key
  end
  local header = ngx.var.http_authorization
  return header and header:match("^[Bb][Ee][Aa][Rr][Ee][Rr] +(%S+)%s*$")
end

-- tenant() -> tenant | nil, kind of error, message
function _M.tenant()
  local key = presented_key()
  if not key then
    return nil, "unauthenticated", "no API key: send it as x-api-key or as Authorization: Bearer"
  end
  local tenant = #key <= 512 and tenants.find(sha256.hex(key))
  if not tenant then
    return nil, "unauthenticated", "the API key is not valid here"
  end
  if not tenant.enabled then
    return nil, "forbidden", "this tenant is disabled"
  end
  return tenant
end

return _M
