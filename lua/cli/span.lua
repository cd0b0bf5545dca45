--- Spans of time, read and written as people do.
local M = {}

local UNITS = { { 'd', 86400 }, { 'h', 3600 }, { 'min', 60 } }
local FACTORS = { s = 1, m = 60, min = 60, h = 3600, d = 86400, w = 604800 }

--- 93784 → '1 d 2 h'.
--- @param seconds number
--- @return string
function M.text(seconds)
  if seconds < 9.95 then return ('%.1f s'):format(math.max(0, seconds)) end
  if seconds < 60 then return ('%.0f s'):format(math.min(59, seconds)) end
  for i, unit in ipairs(UNITS) do
    if seconds >= unit[2] then
      local below = UNITS[i + 1] or { 's', 1 }
      local rest = math.floor(seconds % unit[2] / below[2])
      local text = ('%d %s'):format(math.floor(seconds / unit[2]), unit[1])
      return rest > 0 and ('%s %d %s'):format(text, rest, below[1]) or text
    end
  end
end

--- '90', '90s', '10m', '1h', '2d' → seconds.
--- @param text string
--- @return number?
function M.seconds(text)
  local number, unit = text:match '^(%d+%.?%d*)%s*(%a*)$'
  local factor = FACTORS[unit == '' and 's' or unit]
  return number and factor and tonumber(number) * factor
end

-- A clock time of today here, or a date, as seconds since 1970.
local function clock(text)
  local now = os.date '*t'
  local h, mi, s = text:match '^(%d%d?):(%d%d):?(%d*)$'
  if h then
    now.hour, now.min, now.sec = tonumber(h), tonumber(mi), tonumber(s) or 0
    return os.time(now)
  end
  local y, mo, d, rest = text:match '^(%d%d%d%d)%-(%d%d)%-(%d%d)[T ]?(.*)$'
  if not y then return nil end
  h, mi, s = rest:match '^(%d%d?):(%d%d):?(%d*)$'
  if rest ~= '' and not h then return nil end
  return os.time {
    year = tonumber(y), month = tonumber(mo), day = tonumber(d),
    hour = tonumber(h) or 0, min = tonumber(mi) or 0, sec = tonumber(s) or 0,
  }
end

--- What --since and --until take, as the journal writes dates.
--- @param text string '1h' (ago), '12:30', '2026-01-02 03:04', or as in the journal
--- @return string? date, string? why
function M.date(text)
  if text:find '^%d+%-%d%d%-%d%dT.*Z$' then return text end
  local ago = M.seconds(text)
  local at = ago and os.time() - ago or clock(text)
  if not at then
    return nil, "it must be a span such as '1h', a time such as '12:30', or a date"
  end
  return os.date('!%Y-%m-%dT%H:%M:%S', at)
end

return M
