--- runsmith top: the tree, live. Keys choose, sort, stop, restart, read the journal.
local abi = require 'runsmith.abi'
local lines = require 'cli.lines'
local options = require 'cli.options'
local remote = require 'cli.remote'
local rows_of = require 'cli.rows'
local terminal = require 'cli.terminal'
local uv = require 'luv'

local HELP = 'q quit  ↑↓ choose  s sort  S stop  R restart  A start  enter journal'
local ENTRIES = 200

local Top = {}
Top.__index = Top

local function write(text) abi.write(1, text, #text) end

-- The text cut to so many columns, colours left whole.
local function cut(text, columns)
  local out, width, at = {}, 0, 1
  while at <= #text do
    local escape = text:match('^\27%[[%d;]*m', at)
    local part = escape or text:match('^[%z\1-\127\194-\244][\128-\191]*', at)
      or text:sub(at, at)
    if not escape then width = width + 1 end
    if width > columns then break end
    out[#out + 1] = part
    at = at + #part
  end
  return table.concat(out) .. '\27[0m'
end

function Top:size()
  local ok, columns, rows = pcall(self.out.get_winsize, self.out)
  if not ok or not columns or columns == 0 then return 100, 30 end
  return columns, rows
end

function Top:show(title, list, chosen)
  local columns, height = self:size()
  local room = math.max(1, height - 3)
  local from = math.max(1, math.min(chosen - math.floor(room / 2), #list - room + 1))
  local out = { '\27[H', cut(title, columns), '\27[K\r\n' }
  for i = from, math.min(#list, from + room - 1) do
    local text = list[i]
    if i == chosen then text = '\27[7m' .. text:gsub('\27%[[%d;]*m', '') end
    out[#out + 1] = cut(text, columns) .. '\27[K\r\n'
  end
  out[#out + 1] = '\27[J'
  local foot = self.message or HELP
  out[#out + 1] = ('\27[%d;1H'):format(height) .. cut(self.paint('grey', foot), columns)
  write(table.concat(out))
end

function Top:draw()
  if self.reading then
    self:show('journal of ' .. self.reading, self.entries, #self.entries)
    return
  end
  local list, order = rows_of.sorted(self.root, self.sort)
  self.order = order
  self.chosen = math.max(1, math.min(self.chosen, #order))
  if self.path then
    for i, path in ipairs(order) do
      if path == self.path then self.chosen = i end
    end
  end
  self.path = order[self.chosen]
  local title = ('%s   sorted by %s   %s'):format(
    rows_of.summary(self.root),
    self.sort,
    os.date '%H:%M:%S'
  )
  self:show(title, rows_of.draw(list, self.paint), self.chosen)
end

function Top:refresh()
  local root, err = self.host:request 'status'
  if not root then
    self.err, self.over = err, true
    return
  end
  self.root = root
end

-- Reads what is new of the unit whose journal is shown.
function Top:read_on()
  local id = self.host:send('journal', { unit = self.reading, since = self.seq })
  while true do
    local entry, line = self.host:entry(id)
    if not entry then break end
    self.seq = entry.seq or self.seq
    local out = {}
    self.writer(line, out)
    for text in table.concat(out):gmatch '[^\n]+' do
      self.entries[#self.entries + 1] = text
    end
    while #self.entries > ENTRIES do
      table.remove(self.entries, 1)
    end
  end
end

-- Shows the last entries of the chosen unit, and those that come.
function Top:read_journal()
  if not self.path then return end
  self.reading, self.entries, self.seq = self.path, {}, 0
  self.writer = lines.writer(1)
  self:read_on()
end

function Top:order_unit(op)
  local _, err = self.host:request(op, { path = self.path, wait = false })
  self.message = err and tostring(err) or ('%s: told to %s'):format(self.path, op)
end

local KEYS = {
  ['q'] = function(top) top.over = true end,
  ['\3'] = function(top) top.over = true end,
  ['\27[A'] = function(top) top.path, top.chosen = nil, top.chosen - 1 end,
  ['\27[B'] = function(top) top.path, top.chosen = nil, top.chosen + 1 end,
  ['s'] = function(top) top.sort = rows_of.next_sort(top.sort) end,
  ['S'] = function(top) top:order_unit 'stop' end,
  ['R'] = function(top) top:order_unit 'restart' end,
  ['A'] = function(top) top:order_unit 'start' end,
  ['\r'] = function(top) top:read_journal() end,
}
KEYS.k, KEYS.j, KEYS['\n'] = KEYS['\27[A'], KEYS['\27[B'], KEYS['\r']

function Top:press(text)
  for key in text:gsub('\27%[%a', function(key) return '\0' .. key:sub(3) end)
    :gmatch '%z?.' do
    key = key:gsub('^%z', '\27[')
    self.message = nil
    if self.reading and key ~= '\3' then
      self.reading = nil
    elseif KEYS[key] then
      KEYS[key](self)
    end
  end
end

function Top:run()
  self.input, self.out = uv.new_tty(0, true), uv.new_tty(1, false)
  local timer, pressed, due = uv.new_timer(), {}, true
  local ended = uv.new_signal()
  uv.signal_start(ended, 'sigterm', function() self.over = true end)
  self.input:set_mode(1)
  write '\27[?1049h\27[?25l'
  uv.read_start(self.input, function(err, text)
    if err or not text then self.over = true end
    pressed[#pressed + 1] = text
  end)
  uv.timer_start(timer, 0, self.every * 1000, function() due = true end)
  local ok, why = xpcall(function()
    while not self.over do
      while pressed[1] and not self.over do
        self:press(table.remove(pressed, 1))
        due = true
      end
      if due and self.reading then self:read_on() end
      if due and not self.reading then self:refresh() end
      due = false
      if not self.over then
        self:draw()
        uv.run 'once'
      end
    end
  end, debug.traceback)
  self.input:set_mode(0)
  for _, handle in ipairs { timer, ended, self.input, self.out } do
    uv.close(handle)
  end
  write '\27[?25h\27[?1049l'
  if not ok then error(why, 0) end
end

return {
  name = 'top',
  summary = 'show the tree live: sort it, stop and restart units, read their journal',
  options = {
    remote.SOCKET,
    { 'every', 'SECONDS', 'how often it is drawn', 1, options.seconds },
    { 'sort', 'tree|health|restarts|uptime', 'by what', 'tree',
      options.one_of(unpack(rows_of.SORTS)) },
  },
  run = function(given)
    if not abi.is_terminal(0) or not abi.is_terminal(1) then
      io.stderr:write 'runsmith top: it needs a terminal; see runsmith status\n'
      return 2
    end
    return remote.with('top', given, function(host)
      local top = setmetatable({
        host = host, sort = given.sort, every = given.every, chosen = 1, entries = {},
        paint = terminal.painter(1),
      }, Top)
      top:run()
      return top.err and remote.complain('top', top.err) or 0
    end)
  end,
}
