# Completion of docspeed for PowerShell.
#
#   docspeed completion powershell | Out-String | Invoke-Expression        in $PROFILE

Register-ArgumentCompleter -Native -CommandName 'docspeed', 'docspeed.exe' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $program = $commandAst.CommandElements[0].Extent.Text.Trim("'`"")
    if (-not (Get-Command -Name $program -CommandType Application -ErrorAction SilentlyContinue)) {
        $program = 'docspeed'
    }
    $before = @(
        $commandAst.CommandElements |
            Select-Object -Skip 1 |
            Where-Object { $_.Extent.EndOffset -lt $cursorPosition } |
            ForEach-Object { $_.Extent.Text.Trim("'`"") }
    )
    $current = $wordToComplete.TrimStart("'`"".ToCharArray())

    $encoding = [Console]::OutputEncoding
    try {
        [Console]::OutputEncoding = [System.Text.Encoding]::UTF8
        $env:_DOCSPEED_COMPLETE = 'powershell'
        $answer = @(& $program ($before.Count + 1) @before $current 2>$null)
    } catch {
        $answer = @()
    } finally {
        Remove-Item -Path Env:_DOCSPEED_COMPLETE -ErrorAction SilentlyContinue
        [Console]::OutputEncoding = $encoding
    }
    $kind = @("$($answer[0])" -split ' ')
    $prefix = "$($answer[1])"

    $results = @(
        $answer | Select-Object -Skip 2 | ForEach-Object {
            $value, $about = $_ -split "`t", 2
            $text = "$prefix$value"
            # Unquoted, @ would splat, and other characters have special meanings too.
            if ($text -notmatch '^[\w./=-]+$') { $text = "'" + $text.Replace("'", "''") + "'" }
            $type = if ($value.StartsWith('-')) { 'ParameterName' } else { 'ParameterValue' }
            $tip = if ($about) { $about } else { $value }
            [System.Management.Automation.CompletionResult]::new($text, $value, $type, $tip)
        }
        if ($kind[0] -eq 'files') {
            $path = $current.Substring([Math]::Min($prefix.Length, $current.Length))
            $endings = @($kind | Select-Object -Skip 1)
            [System.Management.Automation.CompletionCompleters]::CompleteFilename($path) |
                Where-Object {
                    $ending = [System.IO.Path]::GetExtension($_.ListItemText)
                    $_.ResultType -eq 'ProviderContainer' -or -not $endings -or $endings -contains $ending
                } |
                ForEach-Object {
                    [System.Management.Automation.CompletionResult]::new(
                        "$prefix$($_.CompletionText)", $_.ListItemText, $_.ResultType, $_.ToolTip)
                }
        }
    )
    # Without any result, PowerShell would offer files; an empty string prevents that.
    if ($results.Count) { $results } else { '' }
}
