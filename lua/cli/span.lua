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

-- '12:30', '12:30:05' → numbers.
local function time_of(text)
  local h, mi, rest = text:match '^(%d%d?):(%d%d)(.*)$'
  local s = rest == '' and '0' or rest and rest:match '^:(%d%d)$'
  if not s then return nil end
  h, mi, s = tonumber(h), tonumber(mi), tonumber(s)
  if h < 24 and mi < 60 and s < 61 then return h, mi, s end
end

-- '2026-01-02' → numbers, where there is such a day.
local function day_of(text)
  local y, mo, d = text:match '^(%d%d%d%d)%-(%d%d)%-(%d%d)$'
  if not y then return nil end
  local day = { year = tonumber(y), month = tonumber(mo), day = tonumber(d), hour = 12 }
  local at = os.time(day)
  local is_there = at and os.date('%Y-%m-%d', at) == text
  if is_there then return day.year, day.month, day.day end
end

-- A clock time of today here, or a date, as seconds since 1970.
local function clock(text)
  local day, rest = text:match '^(%d+%-%d+%-%d+)[T ]?(.*)$'
  local y, mo, d = day_of(day or os.date '%Y-%m-%d')
  local h, mi, s = time_of(rest == '' and '00:00' or rest or text)
  if not (y and h) then return nil end
  return os.time { year = y, month = mo, day = d, hour = h, min = mi, sec = s }
end

-- As in the journal, whose dates compare as texts: fractions have six digits.
local function as_written(text)
  local day, time, fraction = text:match '^(.-)T(%d%d:%d%d:%d%d)(%.?%d*)Z$'
  if not (day and day_of(day) and time_of(time)) then return nil end
  local digits = (fraction:sub(2) .. '000000'):sub(1, 6)
  return ('%sT%s.%sZ'):format(day, time, digits)
end

local function utc(at) return os.date('!%Y-%m-%dT%H:%M:%S.000000Z', at) end

--- What --since and --until take, as the journal writes dates.
--- @param text string '1h' (ago), '12:30', '2026-01-02 03:04', or as in the journal
--- @return string? date, string? why
function M.date(text)
  local written = as_written(text)
  if written then return written end
  local ago = M.seconds(text)
  local at = ago and math.max(0, os.time() - ago) or clock(text)
  if not at then
    return nil, "it must be a span such as '1h', a time such as '12:30', or a date"
  end
  return utc(at)
end

--- The date now.
--- @return string
function M.now() return utc(os.time()) end

return M
