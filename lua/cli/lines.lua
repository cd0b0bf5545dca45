--- Journal lines as text: how a chunk of JSON lines becomes lines for people.
local entry_of = require 'cli.entry'
local json = require 'cjson'
local terminal = require 'cli.terminal'

local M = {}

local LINE_MAX, BELOW_MAX = 2 ^ 20, 40
local WIDTH_MAX, KIND_WIDTH = 40, 10

local DAY = 86400

-- Days from 1970 to a date, by the civil calendar.
local function days(year, month, day)
  if month <= 2 then
    year, month = year - 1, month + 12
  end
  local era = year * 365
    + math.floor(year / 4)
    - math.floor(year / 100)
    + math.floor(year / 400)
  return era + math.floor((153 * (month - 3) + 2) / 5) + day - 719469
end

local last_second, last_text

--- '2026-01-02T03:04:05.678901Z' → the time of day here. It remembers the last second.
--- @param time string
--- @return string
function M.time_of_day(time)
  local second = time:sub(1, 19)
  if second ~= last_second then
    local y, mo, d, h, mi, s = second:match '^(%d+)-(%d+)-(%d+)T(%d+):(%d+):(%d+)$'
    if not y then return time end
    local at = days(tonumber(y), tonumber(mo), tonumber(d)) * DAY
      + h * 3600
      + mi * 60
      + s
    last_second, last_text = second, os.date('%H:%M:%S', at)
  end
  return last_text .. (time:sub(20):match '^%.%d%d?%d?' or '')
end

local function clean(text) return terminal.clean((text:gsub('\27%[[%d;]*%a', ''))) end

local function below_lines(text, out)
  local count = 0
  for line in text:gmatch '[^\n]+' do
    count = count + 1
    if count > BELOW_MAX then
      out[#out + 1] = '              ...\n'
      return
    end
    out[#out + 1] = '              ' .. clean(line) .. '\n'
  end
end

--- Formats entries for a descriptor.
--- @param fd integer
--- @return fun(line: string, out: string[]) writer it takes JSON and adds text
function M.writer(fd)
  local paint = terminal.painter(fd)
  local width = 12
  local function format(line, out)
    local ok, entry = pcall(json.decode, line)
    if not ok or type(entry) ~= 'table' or type(entry.kind) ~= 'string' then
      out[#out + 1] = clean(line) .. '\n'
      return
    end
    for key, value in pairs(entry) do
      if value == json.null then entry[key] = nil end
    end
    local colour, text, below = entry_of.read(entry)
    local unit, kind = clean(tostring(entry.unit or '')), clean(tostring(entry.kind))
    width = math.min(WIDTH_MAX, math.max(width, #unit))
    local head = unit .. (' '):rep(width - #unit)
    local label = kind .. (' '):rep(KIND_WIDTH - #kind)
    local body = text ~= '' and label .. '  ' .. clean((text:gsub('\n', ' '))) or kind
    out[#out + 1] = ('%s  %s  %s\n'):format(
      paint('grey', M.time_of_day(entry.time or '')),
      head,
      paint(colour, body)
    )
    if below then below_lines(below, out) end
  end
  return function(line, out)
    local before = #out
    local ok = pcall(format, line, out)
    if ok then return end
    for i = #out, before + 1, -1 do
      out[i] = nil
    end
    out[#out + 1] = clean(line) .. '\n'
  end
end

--- Cuts chunks into lines; one beyond 1 MiB is left out, and that is told.
--- @param each fun(line: string, out: string[])
--- @return fun(chunk: string, out: string[])
function M.cutter(each)
  local rest, size, skipping = {}, 0, false
  return function(chunk, out)
    local at = 1
    while true do
      local newline = chunk:find('\n', at, true)
      if not newline then break end
      if skipping then
        out[#out + 1] = 'a journal line of more than 1 MiB is left out\n'
      else
        rest[#rest + 1] = chunk:sub(at, newline - 1)
        each(table.concat(rest), out)
      end
      rest, size, skipping, at = {}, 0, false, newline + 1
    end
    if skipping or at > #chunk then return end
    rest[#rest + 1], size = chunk:sub(at), size + #chunk - at + 1
    if size > LINE_MAX then
      rest, size, skipping = {}, 0, true
    end
  end
end

return M
