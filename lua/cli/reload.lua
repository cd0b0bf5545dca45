--- runsmith reload: evaluate the tree afresh, apply the difference.
local options = require 'cli.options'
local remote = require 'cli.remote'
local show_mistakes = require 'cli.mistakes'

local function fail(given, raw, err)
  if given.json then remote.print(raw, err) end
  if err.mistakes and not given.json then show_mistakes(err.mistakes) end
  return remote.complain('reload', err)
end

-- Whether a reload that has to prove itself did.
local function await(host, given)
  local result, err, raw = host:request('reload', { await = true })
  if err then return fail(given, raw, err) end
  if given.json then
    remote.print(raw)
  else
    io.stdout:write(result.kept and 'kept: ' or 'taken back: ', result.why, '\n')
  end
  return result.kept and 0 or 1
end

local function keep(host, given)
  local _, err, raw = host:request('reload', { keep = true })
  if err then return fail(given, raw, err) end
  if given.json then
    remote.print(raw)
  else
    io.stdout:write 'kept\n'
  end
  return 0
end

local function reload(host, given)
  local result, err, raw = host:request('reload', { confirm = given.confirm })
  if err then return fail(given, raw, err) end
  local waits = result.confirm and not given['no-wait']
  if given.json then
    if not waits then remote.print(raw) end
    return waits and await(host, given) or 0
  end
  io.stdout:write(
    ('%d added, %d removed, %d changed, %d unchanged\n'):format(
      result.added,
      result.removed,
      result.changed,
      result.unchanged
    )
  )
  if not result.confirm then return 0 end
  local text = 'taken back unless all that changed is well in %g s; '
    .. "'runsmith reload --keep' keeps it now\n"
  io.stdout:write(text:format(result.confirm))
  io.stdout:flush()
  return waits and await(host, given) or 0
end

return {
  name = 'reload',
  summary = 'evaluate the tree again and apply what has changed',
  options = {
    {
      'confirm',
      'SECONDS',
      'put the tree before back unless all that changed is well by then',
      nil,
      options.seconds,
    },
    { 'keep', nil, 'end that wait: what was applied stays' },
    { 'no-wait', nil, 'do not wait for what comes of --confirm' },
    remote.SOCKET,
    remote.JSON,
  },
  run = function(given)
    if given.keep and given.confirm then
      io.stderr:write 'runsmith reload: --keep ends a wait, --confirm begins one\n'
      return 2
    end
    return remote.with(
      'reload',
      given,
      function(host) return (given.keep and keep or reload)(host, given) end
    )
  end,
}
