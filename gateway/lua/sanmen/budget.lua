-- How much failing over a worker may do: extra attempts stay a small part of requests, so that an outage of one
-- upstream does not become twice the load on the others.
local config = require("sanmen.config")

local _M = {}

local WINDOW_S = 10
local started, requests, extra = 0, 0, 0

local function turn(now)
  if now - started >= WINDOW_S then
    started, requests, extra = now, 0, 0
  end
end

function _M.request(now)
  turn(now)
  requests = requests + 1
end

-- take(now) -> true if one more extra attempt is within the budget
function _M.take(now)
  turn(now)
  local retries = config.retries
  if extra >= retries.minimum_per_s * WINDOW_S + requests * retries.budget_percent / 100 then
    return false
  end
  extra = extra + 1
  return true
end

return _M
