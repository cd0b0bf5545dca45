--- Cron's expressions: what they say, and when it is the next time.

local suggest = require 'runsmith.tree.suggest'
local zones = require 'std.cron_zone'

local M = {}

local YEARS_MAX = 9 -- from one 29th of February to the next it can be eight
local DAY = 86400

local MONTHS = { jan = 1, feb = 2, mar = 3, apr = 4, may = 5, jun = 6, jul = 7, aug = 8,
  sep = 9, oct = 10, nov = 11, dec = 12 }
local WEEKDAYS = { sun = 0, mon = 1, tue = 2, wed = 3, thu = 4, fri = 5, sat = 6 }

local FIELDS = {
  { name = 'second', from = 0, to = 59 },
  { name = 'minute', from = 0, to = 59 },
  { name = 'hour', from = 0, to = 23 },
  { name = 'day', from = 1, to = 31 },
  { name = 'month', from = 1, to = 12, names = MONTHS },
  { name = 'weekday', from = 0, to = 7, names = WEEKDAYS },
}

local NICKNAMES = {
  ['@yearly'] = '0 0 1 1 *',
  ['@annually'] = '0 0 1 1 *',
  ['@monthly'] = '0 0 1 * *',
  ['@weekly'] = '0 0 * * 0',
  ['@daily'] = '0 0 * * *',
  ['@midnight'] = '0 0 * * *',
  ['@hourly'] = '0 * * * *',
}

--- @class std.cron.Expression
--- @field package zone std.cron.Zone
--- @field package goes_by_clock boolean
local Expression = {}
Expression.__index = Expression

local function number_of(field, text)
  local number = tonumber(text:match '^%d+$') or (field.names or {})[text:lower()]
  if not number then
    if text:find '[LW#?]' then return nil, 'L, W, # and ? are not known here' end
    return nil, ("'%s' is no %s"):format(text, field.name)
  end
  if number < field.from or number > field.to then
    local range = ('%s is %d; it must be from %d to %d'):format(
      field.name, number, field.from, field.to)
    return nil, range
  end
  return number
end

-- '*', 'a', 'a-b', each with '/step' or without.
local function part_of(field, text)
  local range, step = text:match '^([^/]+)/(%d+)$'
  range = range or text
  if step and tonumber(step) == 0 then return nil, field.name .. ': a step of 0' end
  local from, to = field.from, field.to
  if range ~= '*' then
    local first, last = range:match '^([^-]+)-([^-]+)$'
    local number, why = number_of(field, first or range)
    if not number then return nil, why end
    from = number
    if not step or last then
      to, why = number_of(field, last or range)
      if not to then return nil, why end
    end
  end
  if to == 0 and from > 0 then to = 7 end -- Friday to Sunday
  if to < from then
    return nil, ("%s: '%s' ends before it begins"):format(field.name, range)
  end
  return from, to, tonumber(step) or 1
end

-- The values of a field, as a sorted list and as keys.
local function values_of(field, text)
  local has, list = {}, {}
  if text:find '^,' or text:find ',$' or text:find(',,', 1, true) then
    return nil, ("%s: '%s' lacks a value"):format(field.name, text)
  end
  for item in text:gmatch '[^,]+' do
    local from, to, step = part_of(field, item)
    if not from then return nil, to end
    for value = from, to, step do
      has[field.names == WEEKDAYS and value % 7 or value] = true
    end
  end
  for value = field.from, field.to do
    if has[value] then list[#list + 1] = value end
  end
  return { has = has, list = list, is_star = text:sub(1, 1) == '*' }
end

local function words_of(text)
  local words = {}
  for word in text:gmatch '%S+' do
    words[#words + 1] = word
  end
  if #words == 5 then table.insert(words, 1, '0') end
  if #words == 6 then return words end
  return nil, ('it has %d fields, not 5 or 6'):format(#words)
end

--- @param text string
--- @param zone 'local'|'utc'
--- @return std.cron.Expression? expression, string? why
function M.parse(text, zone)
  local plain = text
  if text:sub(1, 1) == '@' then
    plain = NICKNAMES[text:lower()]
    if not plain then return nil, suggest.hint(text, NICKNAMES) end
  end
  local words, why = words_of(plain)
  if not words then return nil, why end
  local made = setmetatable({ zone = zones[zone] }, Expression)
  for i, field in ipairs(FIELDS) do
    local values
    values, why = values_of(field, words[i])
    if not values then return nil, why end
    made[field.name] = values
  end
  made.goes_by_clock = made.hour.is_star or made.minute.is_star
  if not made:next(0) then return nil, 'there is no such day' end
  return made
end

--- Whether it comes on a day at all.
--- @param date table
--- @return boolean
function Expression:has_day(date)
  if not self.month.has[date.month] then return false end
  local day, weekday = self.day.has[date.day], self.weekday.has[date.wday]
  if self.day.is_star or self.weekday.is_star then return day and weekday end
  return day or weekday
end

local function date_of(days)
  local date = zones.utc.fields(days * DAY)
  date.hour, date.min, date.sec = 0, 0, 0
  return date
end

local function days_of(date) return zones.days(date.year, date.month, date.day) end

-- A step in time, but not beyond a change of the zone's offset.
local function step(zone, t, by)
  if zone.offset(t) == zone.offset(t + by) then return t + by end
  return zone.change(t, t + by)
end

-- Every time that the clock shows is looked at, twice where it shows it twice.
local function next_by_clock(self, after)
  local zone, t = self.zone, after + 1
  local last = t + YEARS_MAX * 366 * DAY
  while t < last do
    local date = zone.fields(t)
    if not self.month.has[date.month] then
      local first = date_of(zones.days(date.year, date.month + 1, 1))
      t = math.max(t + 1, zone.first(first))
    elseif not self:has_day(date) then
      t = math.max(t + 1, zone.first(date_of(days_of(date) + 1)))
    elseif not self.hour.has[date.hour] then
      t = step(zone, t, 3600 - date.min * 60 - date.sec)
    elseif not self.minute.has[date.min] then
      t = step(zone, t, 60 - date.sec)
    elseif not self.second.has[date.sec] then
      t = t + 1
    else
      return t
    end
  end
end

-- The first time of a day that comes after a moment; not before `from` on that day.
local function first_of_day(self, day, from, after)
  for _, hour in ipairs(self.hour.list) do
    for _, min in ipairs(hour >= from.hour and self.minute.list or {}) do
      local is_late = hour > from.hour or min >= from.min
      for _, sec in ipairs(is_late and self.second.list or {}) do
        day.hour, day.min, day.sec = hour, min, sec
        local t = self.zone.first(day)
        if t > after then return t end
      end
    end
  end
end

-- A time of day comes once a day, whatever the clock does.
local function next_by_date(self, after)
  local from = self.zone.fields(after)
  local first = days_of(from)
  for days = first, first + YEARS_MAX * 366 do
    local day = date_of(days)
    if self:has_day(day) then
      local t = first_of_day(self, day, from, after)
      if t then return t end
    end
    from = day
    from.hour, from.min, from.sec = 0, 0, 0
  end
end

--- The next moment after a moment; nil: it never comes.
--- @param after number seconds since 1970
--- @return integer?
function Expression:next(after)
  after = math.floor(after)
  return (self.goes_by_clock and next_by_clock or next_by_date)(self, after)
end

return M
