// Hours are those of the clock that the user looks at. Without this they say themselves which.
"use strict";

const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
for (const field of document.querySelectorAll("[data-zone]")) if (timeZone) field.value = timeZone;
