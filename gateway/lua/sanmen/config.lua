-- gateway.json, read once before the workers start. It was validated where it was written (gateway/config.py),
-- every default included, so a missing key here is a mistake of the shipment and stops the start.
local cjson = require("cjson.safe")

local _M = {}

local function read(path)
  local file, reason = io.open(path, "rb")
  if not file then
    return nil, reason
  end
  local text = file:read("*a")
  file:close()
  return text
end

local function clear_nulls(value)
  for key, item in pairs(value) do
    if item == cjson.null then
      value[key] = nil
    elseif type(item) == "table" then
      clear_nulls(item)
    end
  end
  return value
end

_M.read = read
_M.clear_nulls = clear_nulls

-- load(paths) paths: settings, secrets (directory), draining (marker file), functions (Redis library)
function _M.load(paths)
  local text, reason = read(paths.settings)
  if not text then
    error("gateway.json: " .. reason, 0)
  end
  local settings, wrong = cjson.decode(text)
  if type(settings) ~= "table" then
    error("gateway.json: " .. tostring(wrong), 0)
  end
  for _, key in ipairs({ "licence", "upstreams", "redis", "listen", "limits", "retries", "buffers" }) do
    if type(settings[key]) ~= "table" then
      error("gateway.json: " .. key .. " is missing", 0)
    end
  end
  for key, value in pairs(clear_nulls(settings)) do
    _M[key] = value
  end
  for _, upstream in ipairs(_M.upstreams) do
    upstream.speaks = {}
    for _, shape in ipairs(upstream.shapes) do
      upstream.speaks[shape] = true
    end
    upstream.credential_name = upstream.credential_file or ("upstream-" .. upstream.name)
  end
  _M.paths = paths
  _M.functions = assert(read(paths.functions))
  return _M
end

return _M
