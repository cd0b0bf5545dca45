--- runsmith journal: what happened, and what happens.
local abi = require 'runsmith.abi'
local entry_of = require 'cli.entry'
local lines = require 'cli.lines'
local options = require 'cli.options'
local remote = require 'cli.remote'
local span = require 'cli.span'

local OUTPUT = 1

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
    if not abi.write(OUTPUT, text, #text) then return nil, count end
  end
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
      local id
      if given.follow then
        local ok, err = host:request('subscribe', fields)
        if not ok then return remote.complain('journal', err) end
      else
        id = host:send('journal', fields)
      end
      local err, count = copy(host, given, id)
      if not err and count == 0 and given.PATH and not given.follow then
        local known, why = host:request('status', { path = given.PATH })
        if not known then return remote.complain('journal', why) end
      end
      if not err or given.follow and err.code == 'no_host' then return 0 end
      return remote.complain('journal', err)
    end)
  end,
}
