-- wrk: one more event of a session, and the list that follows it; another session each time.
local ids = {}
for line in io.lines(os.getenv("IDS")) do ids[#ids + 1] = line end
local items = tonumber(os.getenv("ITEMS"))
local headers = {["Content-Type"] = "application/json"}
local n = 0

function request()
  n = n % #ids + 1
  local item = math.random(0, items - 1)
  local body = '{"item":"' .. item .. '","recommend":{"k":10}}'
  return wrk.format("POST", "/sessions/" .. ids[n] .. "/events", headers, body)
end

function done(summary, latency, _)
  local e = summary.errors
  io.write(string.format("RESULT %d %f %d %f %f %f\n", summary.requests, summary.duration / 1e6,
    e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3))
end
