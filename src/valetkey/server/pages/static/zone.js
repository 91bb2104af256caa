// Fills in the browser's time zone. Without this script, users enter it themselves.
"use strict";

const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
for (const field of document.querySelectorAll("[data-zone]")) if (timeZone) field.value = timeZone;
