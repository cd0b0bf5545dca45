--- Moments and dates, in UTC or in the machine's time zone as libc knows it. Which
--- offset holds when is asked of libc alone; the rest is counting days.

local M = {}

local DAY = 86400

--- A date without a zone: year, month, day, hour, min, sec, wday (0: Sunday).
--- @class std.cron.Date

--- Days since 1970-01-01. Months and days beyond their range are right, too.
--- @param year integer
--- @param month integer
--- @param day integer
--- @return integer
function M.days(year, month, day)
  year = year + math.floor((month - 1) / 12)
  month = (month - 1) % 12 + 1
  local y = month <= 2 and year - 1 or year
  local era = math.floor(y / 400)
  local of_era = y - era * 400
  local of_year = math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1
  local leap = math.floor(of_era / 4) - math.floor(of_era / 100)
  local days = of_era * 365 + leap + of_year
  return era * 146097 + days - 719468
end

local function seconds(date)
  return M.days(date.year, date.month, date.day) * DAY
    + date.hour * 3600 + date.min * 60 + date.sec
end

local function fields(format, t)
  local date = os.date(format, t)
  date.wday = date.wday - 1
  return date
end

--- @class std.cron.Zone
--- @field fields fun(t: integer): table the date at a moment
--- @field offset fun(t: integer): integer seconds that the zone is ahead of UTC
--- @field first fun(date: table): integer the first moment that has this date; where
---   the clock is put forward over it, the moment at which it is
--- @field change fun(from: integer, to: integer): integer the moment in (from, to] from
---   which the offset is `to`'s

M.utc = {
  fields = function(t) return fields('!*t', t) end,
  offset = function() return 0 end,
  first = seconds,
  change = function(_, to) return to end,
}

local zone = {}
M['local'] = zone

function zone.fields(t) return fields('*t', t) end

function zone.offset(t) return seconds(zone.fields(t)) - t end

function zone.change(from, to)
  local offset = zone.offset(to)
  while to - from > 1 do
    local middle = math.floor((from + to) / 2)
    if zone.offset(middle) == offset then
      to = middle
    else
      from = middle
    end
  end
  return to
end

function zone.first(date)
  local as_utc = seconds(date)
  local before, after = zone.offset(as_utc - DAY), zone.offset(as_utc + DAY)
  -- The larger offset gives the earlier moment.
  for _, offset in ipairs { math.max(before, after), math.min(before, after) } do
    if zone.offset(as_utc - offset) == offset then return as_utc - offset end
  end
  return zone.change(as_utc - DAY, as_utc + DAY)
end

return M
