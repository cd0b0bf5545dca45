--- runsmith journal: what happened, and what happens.
local abi = require 'runsmith.abi'
local entry_of = require 'cli.entry'
local lines = require 'cli.lines'
local options = require 'cli.options'
local remote = require 'cli.remote'
local span = require 'cli.span'
local terminal = require 'cli.terminal'
local uv = require 'luv'

local OUTPUT = 1
local TICK = 200 -- ms between two looks at the clock

local function unwritten(number)
  local text = 'cannot write: ' .. uv.translate_sys_error(number)
  return setmetatable({ code = 'write' }, { __tostring = function() return text end })
end

-- Writes entries until there are no more: nil at a well end, else what went wrong; and
-- how many.
local function copy(host, given, id)
  local count = 0
  local write = given.json and function(line, out) out[1] = line .. '\n' end
    or lines.writer(OUTPUT)
  while true do
    local entry, line = host:entry(id)
    if not entry then return line, count end
    count = count + 1
    local out = {}
    write(line, out)
    local text = table.concat(out)
    local ok, number = abi.write(OUTPUT, text, #text)
    if not ok then return unwritten(number), count end
  end
end

-- Has what is followed end at that date.
local function end_at(host, date)
  local timer = host.uv.new_timer()
  timer:start(TICK, TICK, function()
    if span.now() > date then host.over = true end
  end)
  return timer
end

-- Says so where nothing may ever come: a unit of a pool may be yet to come, a slip of
-- the pen is not.
local function warn_of_none(host, path)
  local known, err = host:request('status', { path = path })
  if known or err.code ~= 'not_found' then return end
  io.stderr:write(('runsmith journal: %s yet\n'):format(terminal.clean(err.message)))
end

-- Entries as they come; what went wrong.
local function follow(host, given, fields)
  local ok, err = host:request('subscribe', fields)
  if not ok then return err end
  if given.PATH then warn_of_none(host, given.PATH) end
  local timer = given['until'] and end_at(host, given['until'])
  err = copy(host, given)
  if timer then timer:close() end
  return err and err.code ~= 'no_host' and err or nil
end

-- Entries so far; what went wrong.
local function look_back(host, given, fields)
  local err, count = copy(host, given, host:send('journal', fields))
  if not err and count == 0 and given.PATH then
    err = select(2, host:request('status', { path = given.PATH }))
  end
  return err
end

return {
  name = 'journal',
  summary = 'show the journal, of one unit and those below it or of all',
  args = { { 'PATH', "a unit's path, or a pattern; else all", optional = true } },
  options = {
    { 'follow', nil, 'go on with what comes' },
    { 'since', 'TIME', "from then on: '1h', '12:30', a date", nil, span.date },
    { 'until', 'TIME', 'up to then', nil, span.date },
    { 'kind', 'K', 'only these kinds: exited,restart', nil, entry_of.kinds },
    { 'after', 'SEQ', 'only entries after this one', nil, options.number },
    remote.JSON,
    remote.SOCKET,
  },
  run = function(given)
    return remote.with('journal', given, function(host)
      local fields = { unit = given.PATH, kind = given.kind, from = given.since }
      fields['until'] = given['until']
      fields.since = given.after or 0
      local is_over = given['until'] and given['until'] < span.now()
      local read = given.follow and not is_over and follow or look_back
      local err = read(host, given, fields)
      return err and remote.complain('journal', err) or 0
    end)
  end,
}
