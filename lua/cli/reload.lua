--- runsmith reload: evaluate the tree afresh, apply the difference.
local remote = require 'cli.remote'
local show_mistakes = require 'cli.mistakes'

return {
  name = 'reload',
  summary = 'evaluate the tree again and apply what has changed',
  options = { remote.SOCKET, remote.JSON },
  run = function(given)
    return remote.with('reload', given, function(host)
      local result, err, raw = host:request 'reload'
      if given.json then remote.print(raw, err) end
      if err and err.mistakes and not given.json then show_mistakes(err.mistakes) end
      if err then return remote.complain('reload', err) end
      if given.json then return 0 end
      io.stdout:write(
        ('%d added, %d removed, %d changed, %d unchanged\n'):format(
          result.added,
          result.removed,
          result.changed,
          result.unchanged
        )
      )
      return 0
    end)
  end,
}
