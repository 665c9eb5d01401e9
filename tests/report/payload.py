"""Forty texts that have turned into markup, script or a wrong cell somewhere."""

PAYLOADS = (
    "<script>alert(1)</script>", "</script><script>alert(1)</script>", "</SCRIPT >", "<!--", "-->",
    "<!--<script>", "]]>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>", "</style>",
    "</title><b>", "</textarea>", '" onmouseover="alert(1)', "' onfocus='alert(1)", "` x=`",
    '"><a href="javascript:alert(1)">', "javascript:alert(1)", "&lt;b&gt;", "&#60;b&#62;", "&",
    "{{ 7 * 7 }}", "{% raw %}", "{# x", "${7*7}", "@mean", "@x_title", "datum.i", "\\", "\\u003cb\\u003e",
    "a\nb", "a\r\nb", "\t=cmd|' /C calc'!A0", '=HYPERLINK("http://x.y")', "\u2028\u2029", "\u202etxt.exe",
    "\x01\x08", '<noscript><p title="</noscript><img>">', "<iframe srcdoc='<b>'>", "<math><mi//xlink:href=x>",
    "名前 ☃ \U0001f600", "' + alert(1) + '", "x" * 500,
)  # fmt: skip
