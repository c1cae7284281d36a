#!lua name=sanmen_v1
-- Rates by GCRA on the server's clock. The library's version is in every name, so that gateways of two versions
-- can share a Redis during a rollout.

-- sanmen_v1_take KEYS key... ARGV (limit window_ms cost) for each key
-- Takes `cost` from every bucket, or from none. A bucket holds `limit` and refills evenly over `window_ms`.
-- Returns {allowed 1|0, index of the deciding key, left in it, ms until it would allow, ms until it is full}.
local function take(keys, args)
  if #keys == 0 or #args ~= 3 * #keys then
    return redis.error_reply("ERR sanmen_v1_take: limit, window_ms and cost are wanted for each key")
  end
  local time = redis.call("TIME")
  local now_us = tonumber(time[1]) * 1000000 + tonumber(time[2])
  local writes, decisive = {}, { 1, 0, math.huge, 0, 0 }
  for i, key in ipairs(keys) do
    local limit, window_ms, cost = tonumber(args[3 * i - 2]), tonumber(args[3 * i - 1]), tonumber(args[3 * i])
    if not (limit and window_ms and cost) or limit <= 0 or window_ms <= 0 or cost < 0 then
      return redis.error_reply("ERR sanmen_v1_take: limit and window_ms must be positive, cost not negative")
    end
    local window_us = window_ms * 1000
    local emission_us = window_us / limit
    local full_us = tonumber(redis.call("GET", key) or now_us) or now_us
    -- Full already; or the clock stepped back, and then a bucket is at most empty.
    full_us = math.min(math.max(full_us, now_us), now_us + window_us)
    local after_us = full_us + cost * emission_us
    local wait_us = after_us - window_us - now_us
    -- A microsecond of slack: `limit` emissions need not sum to the window exactly.
    if wait_us > 1 then
      local left = math.floor((window_us - (full_us - now_us)) / emission_us + 1e-6)
      return { 0, i, left, math.ceil(wait_us / 1000), math.ceil((full_us - now_us) / 1000) }
    end
    local left = math.floor((window_us - (after_us - now_us)) / emission_us + 1e-6)
    if left < decisive[3] then
      decisive = { 1, i, left, 0, math.ceil((after_us - now_us) / 1000) }
    end
    writes[i] = { key, after_us }
  end
  for _, write in ipairs(writes) do
    local ttl_ms = math.max(1, math.ceil((write[2] - now_us) / 1000))
    redis.call("SET", write[1], string.format("%.0f", write[2]), "PX", ttl_ms)
  end
  return decisive
end

redis.register_function("sanmen_v1_take", take)
