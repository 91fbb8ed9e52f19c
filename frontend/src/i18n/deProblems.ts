/** Problems of the page and of the services in German, by code and, after `/`, by reason. */
export const problems: Record<string, string> = {
  // The page
  disk_full:
    'Auf diesem Gerät ist nicht genug Platz für alle Ergebnisse. Lade sie einzeln herunter.',
  file_changed:
    'Die Datei wurde während des Uploads verschoben oder verändert. Füge sie noch einmal hinzu.',
  network: 'TinyPixo ist nicht erreichbar. Prüfe deine Verbindung und versuche es noch einmal.',
  storage: 'Der Speicher hat die Datei abgelehnt. Versuche es gleich noch einmal.',
  unplayable:
    'Dieser Browser konnte das Ergebnis nicht abspielen. Versuche es noch einmal, oder lade es ' +
    'herunter.',
  unexpected: 'In dieser Seite ist etwas schiefgegangen. Lade sie neu: Hochgeladenes bleibt.',
  upload_stopped: 'Dieser Upload endete vor seinem Abschluss. Füge die Datei noch einmal hinzu.',
  unknown: 'Die Umwandlung ist aus unbekanntem Grund fehlgeschlagen. Versuche es noch einmal.',

  // Requests
  body_too_large: 'Die Anfrage ist zu groß.',
  checksum_mismatch: 'Die Daten kamen verfälscht an. Versuche es noch einmal.',
  conversion_finished: 'Diese Umwandlung ist schon zu Ende.',
  conversion_not_found:
    'Diese Umwandlung gibt es nicht mehr: Sie ist abgelaufen, oder deine Sitzung ist beendet. ' +
    'Füge die Datei noch einmal hinzu.',
  cursor_invalid: 'Die Liste konnte nicht gelesen werden. Lade die Seite neu.',
  file_empty: 'Diese Datei ist leer (0 Byte). Wähle eine andere.',
  file_too_large:
    'Diese Datei ist größer als erlaubt. Wähle eine kleinere, oder schneide sie vorher.',
  filename_invalid: 'Der Name der Datei ist leer, zu lang oder enthält unlesbare Zeichen.',
  forbidden: 'Die Anfrage kam von einer fremden Seite und wurde abgelehnt.',
  format_unsupported: 'Dieses Format gibt es hier nicht.',
  gone: 'Das Ergebnis ist abgelaufen oder wurde gelöscht. Wandle die Datei noch einmal um.',
  idempotency_key_reused: 'Diese Anfrage wurde schon mit anderem Inhalt gestellt.',
  internal: 'Bei uns ist etwas schiefgegangen. Versuche es gleich noch einmal.',
  media_type_unsupported: 'Der Dienst nimmt diese Art von Daten nicht an.',
  method_not_allowed: 'Der Dienst nimmt diese Anfrage nicht an.',
  not_found: 'Das gibt es hier nicht.',
  not_ready: 'Das Ergebnis ist noch nicht fertig.',
  offset_mismatch: 'Der Upload steht an einer anderen Stelle. Versuche es noch einmal.',
  option_invalid: 'Das Format nimmt eine dieser Einstellungen nicht an. Wähle andere.',
  part_number_invalid: 'Dieser Teil gehört nicht zu der Datei.',
  part_size_mismatch: 'Ein Teil kam unvollständig an. Versuche es noch einmal.',
  parts_changed: 'Ein Teil kam während des Abschlusses noch einmal an. Versuche es noch einmal.',
  rate_limited: 'Das waren zu viele Anfragen. Versuche es später noch einmal.',
  request_invalid: 'Der Dienst konnte die Anfrage nicht lesen.',
  request_timeout: 'Die Anfrage kam nicht rechtzeitig an. Versuche es noch einmal.',
  session_invalid: 'Deine Sitzung ist beendet. Lade die Seite neu.',
  storage_unavailable: 'Der Speicher antwortet gerade nicht. Versuche es gleich noch einmal.',
  too_many_conversions:
    'Diese Datei wurde so oft umgewandelt, wie es erlaubt ist. Füge sie noch einmal hinzu.',
  tus_request_invalid: 'Der Dienst konnte die Anfrage nicht lesen.',
  tus_version_unsupported: 'Der Dienst spricht eine andere Fassung von tus.',
  unauthorized: 'Dafür fehlt die Berechtigung.',
  upload_closed: 'Dieser Upload ist schon beendet. Füge die Datei noch einmal hinzu.',
  upload_expired: 'Der Upload ist abgelaufen. Füge die Datei noch einmal hinzu.',
  'upload_expired/size_mismatch':
    'Die gespeicherte Datei hat eine andere Größe als angegeben. Füge die Datei noch einmal hinzu.',
  upload_incomplete: 'Es fehlen noch Teile der Datei.',
  upload_locked: 'Ein anderer Vorgang schreibt gerade in diesen Upload.',
  upload_not_found:
    'Diese Datei gibt es nicht mehr: Sie ist abgelaufen, oder deine Sitzung ist beendet. ' +
    'Füge sie noch einmal hinzu.',
  validation_failed: 'Der Dienst nimmt eine dieser Angaben nicht an.',

  // Conversions
  corrupt: 'Diese Datei ist beschädigt. Versuche es mit einer anderen Kopie.',
  'corrupt/index_missing':
    'Diese Datei ist unvollständig: Ihr Index fehlt, wie nach einer abgebrochenen Aufnahme. ' +
    'Versuche es mit einer anderen Kopie.',
  'corrupt/start_after_end':
    'Der gewählte Anfang liegt hinter dem Ende des Tons. Wähle einen früheren.',
  'corrupt/range_too_short':
    'Der gewählte Teil ist kürzer als ein Abtastwert. Wähle einen längeren.',
  'corrupt/upload_gone': 'Die hochgeladene Datei ist nicht mehr da. Füge sie noch einmal hinzu.',
  no_audio_stream: 'Diese Datei hat keinen Ton. Wähle eine mit Ton.',
  'no_audio_stream/empty_track':
    'Diese Datei hat keinen Ton: In ihrer Tonspur wurde nichts aufgenommen.',
  'no_audio_stream/no_such_track': 'Die gewählte Tonspur gibt es nicht. Wähle eine andere.',
  not_audio: 'Das ist weder Audio noch Video, das TinyPixo lesen kann. Ist es die richtige Datei?',
  timed_out: 'Die Umwandlung hat zu lange gedauert. Versuche es noch einmal.',
  'timed_out/too_slow':
    'Die Umwandlung würde länger dauern als erlaubt. Wähle einen kürzeren Teil oder ein anderes ' +
    'Format.',
  too_large:
    'Das Ergebnis wäre größer, als TinyPixo speichern kann. Wähle ein kleineres Format oder ' +
    'einen kürzeren Teil der Datei.',
  'too_large/too_much_memory': 'Die Umwandlung braucht mehr Arbeitsspeicher als erlaubt.',
  too_long: 'Diese Datei ist länger, als TinyPixo umwandelt. Wähle einen kürzeren Teil davon.',
  unsupported_codec: 'TinyPixo kennt dieses Verfahren nicht. Speichere die Datei erst anders.',
  'unsupported_codec/protected':
    'Diese Datei ist kopiergeschützt (DRM). Nimm eine Kopie ohne Kopierschutz.',
  'unsupported_codec/too_many_channels': 'Diese Datei hat mehr Kanäle, als TinyPixo umwandelt.',
  'unsupported_codec/too_many_tracks':
    'Diese Datei hat zu viele Spuren. Speichere die gewünschte in einer eigenen Datei.',
  'unsupported_codec/unsupported_sample_rate':
    'TinyPixo wandelt Dateien mit dieser Abtastrate nicht um.',
  worker_lost:
    'Diese Datei hat die Umwandlung mehrmals zum Absturz gebracht. Wähle eine andere Datei.',
};

/** Warnings about results in German, by code and, after `/`, by reason. */
export const warnings: Record<string, string> = {
  above_full_scale: 'Einzelne Spitzen liegen über Vollaussteuerung; Player schneiden sie meist ab.',
  bit_depth_reduced: 'Die Bittiefe ist niedriger als in der Quelle.',
  bitrate_limited: 'Die Bitrate ist eine andere als gewünscht: Das Verfahren kann sie nicht.',
  channels_added: 'Das Format kennt diese Anordnung nicht: Stille Kanäle kamen hinzu.',
  channels_dropped: 'Einige Kanäle der Quelle fehlen im Ergebnis.',
  channels_mixed: 'Das Ergebnis hat weniger Kanäle; sie wurden gemischt.',
  channels_moved: 'Das Format kennt diese Anordnung nicht: Ein Paar wurde links und rechts.',
  chapter_titles_shortened: 'Sehr lange Titel von Kapiteln wurden gekürzt.',
  chapters_dropped: 'Das Format kann keine Kapitel speichern.',
  'chapters_dropped/too_many': 'Die Quelle hat zu viele Kapitel; nur die ersten wurden behalten.',
  clipped: 'Einige Spitzen wurden abgeschnitten.',
  cover_dropped: 'Das Format kann kein Titelbild speichern.',
  'cover_dropped/picture_too_large': 'Das Titelbild ist für dieses Format zu groß und fehlt.',
  'cover_dropped/picture_unsupported':
    'Das Titelbild fehlt: Es ist kein JPEG oder PNG von höchstens 12 MiB.',
  delay_removed: 'Der Ton beginnt später als die Datei; das Ergebnis beginnt mit dem Ton.',
  fades_shortened: 'Das Ergebnis ist kürzer als die Blenden; sie wurden gekürzt.',
  format_changes: 'Abtastrate oder Kanäle wechseln in der Quelle; alles wurde angeglichen.',
  gaps_left_out: 'Sprünge in den Zeitangaben der Quelle wurden übergangen.',
  gaps_filled: 'Lücken in der Quelle wurden mit Stille gefüllt.',
  invalid_samples: 'Ungültige Werte in der Quelle wurden durch Stille ersetzt.',
  not_normalised: 'Die Lautheit ist nicht die gewünschte.',
  peaks_limited: 'Spitzen wurden begrenzt; das Ergebnis kann leiser sein als gewünscht.',
  pictures_dropped: 'Die Quelle hat mehrere Bilder; eines davon wurde behalten.',
  resampled: 'Die Abtastrate ist eine andere als in der Quelle.',
  several_tracks: 'Die Quelle hat mehrere Tonspuren; eine davon wurde umgewandelt.',
  sound_shorter: 'Der Ton endet vor dem Rest der Datei.',
  source_damaged: 'Teile der Quelle sind beschädigt und nicht lesbar.',
  source_incomplete: 'Teile der Quelle fehlen.',
  source_is_lossy: 'Die Quelle ist verlustbehaftet; verlustfrei klingt sie nicht besser.',
  source_truncated: 'Die Quelle endet zu früh.',
  tag_encoding_guessed: 'Die Schrift der Angaben war nicht genannt; sie wurde erraten.',
  tags_dropped: 'Das Format kann nicht alle Angaben speichern.',
  tags_outdated: 'Angaben, die nach dieser Umwandlung falsch wären, fehlen im Ergebnis.',
  tags_unreadable: 'Einige Angaben der Quelle fehlen: Sie sind zu groß oder nicht lesbar.',
};
