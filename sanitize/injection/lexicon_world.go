package injection

// world holds the word classes of other languages, most of them as stems so
// that inflected forms match. Chinese, Japanese and Thai are matched anywhere
// in a run, since they set no blanks between words.
var world = []entry{
	// German
	{cOverride, "ignorier* missacht* vergiss vergiß vergessen vergesst verwirf* verwerfen umgehe umgehen überschreib* überspring* lass lassen"},
	{cPrior, "vorherig* vorig* obig* bisherig* vorangegangen* vorangehend* früher* davor vorher bisher zuvor oben ursprünglich* hinter"},
	{cAll, "alle allen alles alle* jede jeden jegliche* sämtliche* ganze* übrige* restliche*"},
	{cInstr, "anweisung* instruktion* befehl* regel regeln vorgabe* richtlinie* anordnung* eingabeaufforderung* prompttext* systemprompt* systemanweisung* anleitung*"},
	{cAI, "ki assistent* sprachmodell* chatbot* modell"},
	{cNew, "neue neuen neuer neues folgende* nächste* weitere* aktuell* tatsächlich* zusätzlich*"},
	{cTask, "aufgabe* auftrag aufträge* ziel herausforderung* anfrage*"},
	{cReveal, "zeig zeige zeigen verrate verraten gib geben offenbar* enthüll* wiederhole* drucke preisgeben nenne nennen"},
	{cSecret, "passwort* kennwort* geheim* schlüssel zugangsdaten vertraulich* kontostand* bankkonto* zugangsdat*"},
	{cSend, "sende senden schick* weiterleit* leite übermittl* hochlad*"},
	{cRespond, "antworte* sag sage sagen schreibe schreiben beginne* ausgabe"},
	{cResponse, "antwort antworten zusammenfassung* ausgabe*"},
	{cUser, "benutzer* nutzer* anwender* leser*"},
	{cTell, "erzähl* erwähn* informier* mitteil*"},
	{cUrgent, "wichtig* dringend* sofort* unverzüglich* achtung kritisch* äußerste* höchste*"},
	{cMust, "musst müssen sollst sollen solltest möchte"},
	{cPersona, "rolle spiele spielst agier* fungier* stell vorstellen schauspieler*"},
	{cYou, "du dich dir dein deine deinen deiner sie ihnen ihre ihren"},
	{cOnly, "nur ausschließlich genau lediglich"}, {cInstead, "stattdessen anstatt statt"},
	{cNow, "jetzt nun dann danach anschließend ab"}, {cIf, "wenn falls sobald"},
	{cFollow, "folge folgen befolg* ausführ* führe gehorch* beachte*"}, {cWrite, "schreib* verfass* erstell* erklär* generier* übersetz* formulier* beschreib*"},
	{cPlease, "bitte"}, {cNot, "nicht kein keine niemals ohne nie"}, {cMy, "mein meine meinen ich mir mich"},
	{cDone, "ausgezeichnet* gut sehr danke toll super prima leistung wunderbar erledigt"}, {cHide, "heimlich* unbemerkt*"},
	// French
	{cOverride, "ignor* oublie oubliez oublier contourn* néglig* négligez outrepass* abandonn*"},
	{cPrior, "précédent* antérieur* ci-dessus dessus auparavant avant initiales initiale préalable*"},
	{cAll, "tout toute tous toutes autres quelconque*"},
	{cInstr, "consigne* directive* règle règles ordre ordres invite invites indications"},
	{cAI, "ia assistant assistante modèle"}, {cNew, "nouveau nouvelle nouvelles nouveaux suivant* prochain* véritable* réel* supplémentaire*"},
	{cTask, "tâche* mission* objectif* demande* devoir"},
	{cReveal, "révèle* révélez révéler divulg* montre montrez montrer affich* répèt* répét* dévoil* donne-* donnez donne communiqu*"},
	{cSecret, " passe secret* confidentiel* clé clés identifiants bancaire*"},
	{cSend, "envoie* envoy* transfèr* transmet* transmett* expédi* téléverse*"},
	{cRespond, "répond* réponds dis dites dire écris écrivez commence* termine* affirm*"},
	{cResponse, "réponse* résumé*"}, {cUser, "utilisateur* utilisatrice* lecteur*"}, {cTell, "mentionn* inform* raconte*"},
	{cUrgent, "urgent* important* immédiatement critique essentiel* impératif* attention"}, {cMust, "dois devez doit faut"},
	{cYou, "tu toi ton ta tes vous votre vos te"}, {cOnly, "seulement uniquement exactement juste rien"}, {cInstead, "plutôt place lieu"},
	{cNow, "maintenant désormais ensuite puis dorénavant"}, {cIf, "si lorsque quand"}, {cFollow, "suivez suis obéi* exécut* respect* suivre accompli*"},
	{cWrite, "écri* rédig* expliqu* décri* tradui* génér* crée créez"}, {cPlease, "svp s'il veuillez"}, {cNot, "ne pas jamais sans aucun"}, {cMy, "mon ma mes je moi"},
	{cPersona, "prétend* imagin* incarn* rôle joue jouez"}, {cHide, "secrètement discrètement"},
	// Spanish
	{cOverride, "ignora ignore ignoren ignorar olvida olvide olvídate olvídese olvidar descarta* omite omita pasa desestim*"},
	{cPrior, "anterior* previa* previo* previas previos arriba antes precedente* inicial* dicho"},
	{cAll, "todo toda todos todas cualquier* demás otras otros"},
	{cInstr, "instruccion* instrucción* regla reglas indicacion* indicación* orden órdenes directriz* directrices comando* normas pautas"},
	{cAI, "asistente* modelo"}, {cNew, "nuevo nueva nuevas nuevos siguiente* verdader* próxim* adicional*"},
	{cTask, "tarea* misión objetivo* solicitud encargo"},
	{cReveal, "revela* revele* muestra muestre muéstrame mostrar divulga* repite repita imprime imprima dime diga dame enséñame"},
	{cSecret, "contraseña* clave claves secreto* secreta* confidencial* credencial* saldo bancari*"},
	{cSend, "envía envíe envia enviar reenv* transmit* manda mande"},
	{cRespond, "responde* responda contesta* di escribe escriba comienza termina"}, {cResponse, "respuesta* resumen"},
	{cUser, "usuario* lector*"}, {cTell, "menciona* informa* cuenta avisa*"}, {cUrgent, "urgente* importante* inmediatamente crítico* atención"},
	{cMust, "debes debe deben tienes"}, {cYou, "tú tu tus usted ustedes te"}, {cOnly, "solo sólo solamente únicamente exactamente nada"}, {cInstead, "lugar cambio vez"},
	{cNow, "ahora luego después continuación"}, {cIf, "si cuando"}, {cFollow, "sigue siga obedece* obedezca ejecut* cumpl* realiza*"},
	{cWrite, "escrib* redact* explic* describ* traduc* gener* crea"}, {cPlease, "favor"}, {cNot, "no nunca sin jamás"}, {cMy, "mi mis yo me"},
	{cPersona, "finge imagina actúa actúe papel rol"},
	// Portuguese
	{cOverride, "ignore ignorem desconsider* esqueça esqueca esquece esquecer descart* contorn*"},
	{cPrior, "anteriores prévi* acima antes precedent*"}, {cAll, "todas todos tudo qualquer demais outras"},
	{cInstr, "instruç* instruções regra regras diretriz* comandos ordens orientaç*"}, {cAI, "assistente ia"},
	{cNew, "novo nova novas novos seguinte* próxim*"}, {cTask, "tarefa* missão objetivo pedido"},
	{cReveal, "revele mostre repita imprima divulgue exiba diga"}, {cSecret, "senha senhas segredo* secreta* credenciais confidencia* chave"},
	{cSend, "envie enviar encaminh* transmita mande"}, {cRespond, "responda diga escreva comece"}, {cResponse, "resposta* resumo"}, {cUser, "usuário* utilizador* leitor"},
	{cMust, "deve deves precisa"}, {cYou, "você voce seu sua seus suas"}, {cOnly, "apenas somente exatamente só"}, {cInstead, "invés vez"}, {cNow, "agora depois"}, {cNot, "não nao nunca sem"},
	{cFollow, "siga obedeça execut* cumpra"}, {cWrite, "escreva redija explique descreva traduza crie"}, {cUrgent, "imediatamente importante atenção"},
	// Italian
	{cOverride, "ignora ignorate ignorare dimentica* trascur* scarta lascia tralascia"}, {cPrior, "precedent* sopra prima iniziali"},
	{cAll, "tutte tutti tutto qualsiasi ogni altre"}, {cInstr, "istruzion* regole regola comandi ordini direttive indicazioni"}, {cAI, "assistente modello"},
	{cNew, "nuovo nuova nuove nuovi seguent* prossim*"}, {cTask, "compito compiti obiettivo richiesta missione"}, {cReveal, "rivela* mostra* ripeti stampa divulga dimmi"},
	{cSecret, "segret* riservat* credenziali chiave chiavi"}, {cSend, "invia* inoltra* trasmett* manda"}, {cRespond, "rispond* scrivi inizia"}, {cResponse, "risposta risposte riassunto"}, {cUser, "utente utenti lettore"},
	{cMust, "devi deve dovete"}, {cYou, "tuo tua tuoi tue voi vostro"}, {cOnly, "soltanto solamente esattamente"}, {cInstead, "invece"}, {cNow, "adesso ora poi"}, {cNot, "non mai senza"}, {cFollow, "segui esegui obbedisci rispetta"},
	{cWrite, "scrivi spiega descrivi traduci crea genera"}, {cUrgent, "urgente importante subito immediatamente attenzione"}, {cPersona, "immagina fingi"},
	// Dutch, Swedish, Danish, Norwegian
	{cOverride, "negeer negeren vergeet vergeten ignorera ignorer glöm bortse glem"}, {cPrior, "vorige voorgaande eerdere bovenstaande hierboven föregående tidigare ovanstående tidligere forrige ovenstående"},
	{cAll, "alle alles alla allt alt alle"}, {cInstr, "instructie* regels opdrachten instruktioner instruktionerna instruksjoner instrukser regler"},
	{cNew, "nieuwe volgende nya ny följande nye følgende"}, {cTask, "taak taken opdracht uppgift* oppgave*"}, {cReveal, "onthul toon laat avslöja visa vis avslør afslør"}, {cSecret, "wachtwoord* geheim* lösenord* hemlig* passord* adgangskode* vertrouwelijk*"},
	{cSend, "stuur verstuur doorstuur skicka sende vidarebefordra"}, {cRespond, "antwoord zeg svara säg svar"}, {cYou, "jij jouw jullie uw je dig din ditt deg"}, {cOnly, "alleen slechts endast bara bare kun"}, {cInstead, "plaats istället stedet"}, {cNow, "nu nå"},
	// Russian, Ukrainian
	{cOverride, "игнорируй* игнорир* проигнорируй* забудь* забуд* пренебрег* отбрось* отмени* ігноруй* забудьте"}, {cPrior, "предыдущ* прежн* выше вышеуказан* ранее предшеств* попередн* раніше вище до"},
	{cAll, "все всё всех любые любых остальн* всі усі"}, {cInstr, "инструкц* указани* правил* команд* приказ* директив* промпт* інструкц* вказівк* настанов*"}, {cAI, "ассистент* помощник* модель нейросеть ии"},
	{cNew, "новое новая новые новую новый новых следующ* настоящ* нове нова нові наступн*"}, {cTask, "задани* задач* цель просьб* завданн*"}, {cReveal, "покажи* раскрой* выведи* повтори* назови* напечатай* сообщи* покажіть розкрий* выдай*"},
	{cSecret, "пароль пароли пароля паролі секретн* ключ ключи ключа конфиденциальн* секрет* учётн* данные баланс"}, {cSend, "отправь* отправьте перешли* пришли* відправ* надішл*"}, {cRespond, "ответь* отвечай* скажи* напиши* відповід* скажіть"}, {cResponse, "ответ ответа ответе резюме відповідь"},
	{cUser, "пользовател* читател* користувач*"}, {cTell, "упомина* говори* сообща* расскаж*"}, {cUrgent, "срочно* важно* немедленно* внимание* критич* терміново"}, {cMust, "должен должны обязан* нужно следует"}, {cYou, "ты вы твой твои твоя ваш ваши тебя вам тебе ти ви"},
	{cOnly, "только лишь исключительно ровно тільки"}, {cInstead, "вместо взамен замість"}, {cNow, "теперь сейчас затем далее отныне тепер зараз"}, {cIf, "если когда якщо"}, {cFollow, "следуй* выполни* выполняй* исполн* подчин* викона*"}, {cWrite, "напиши* объясни* опиши* переведи* создай* сгенерируй*"},
	{cPlease, "пожалуйста"}, {cNot, "не нет без никогда ні"}, {cMy, "мой мои моя я мне"}, {cPersona, "притвор* представь* роль"},
	// Polish, Czech, Slovak
	{cOverride, "zignoruj* ignoruj* zapomnij* pomiń pomij* zapomeň* ignorujte nevšímej*"}, {cPrior, "poprzedni* wcześniejsz* powyższ* wyżej předchozí* předešl* dřívějš* výše uveden*"}, {cAll, "wszystk* wszelk* každ* všechn* veškeré* všetk*"},
	{cInstr, "instrukcj* polece* zasady reguł* instrukc* pokyn* pravidl* příkaz*"}, {cNew, "nowe nowa nowy następując* nové nový nová následující*"}, {cTask, "zadani* úkol* cel"}, {cReveal, "ujawnij* pokaż* wyświetl* odhal* zobraz* ukaž* powtórz*"}, {cSecret, "hasło hasła haseł tajn* poufn* heslo hesla tajemství klucz"},
	{cSend, "wyślij* prześlij* pošli* odešli*"}, {cRespond, "odpowiedz* powiedz* napisz* odpověz* řekni*"}, {cYou, "ty twój twoje tvůj tvoje"}, {cOnly, "tylko wyłącznie pouze jen"}, {cInstead, "zamiast místo"}, {cNow, "teraz nyní teď"},
	// Turkish
	{cOverride, "yoksay* görmezden unut* unutun dikkate aldırma*"}, {cPrior, "önceki* yukarıdaki* evvelki* geçmiş*"}, {cAll, "tüm bütün her hepsi hepsini"}, {cInstr, "talimat* kural* komut* yönerge* emir* istem*"}, {cAI, "asistan* yapay"},
	{cNew, "yeni aşağıdaki* sonraki*"}, {cTask, "görev* istek*"}, {cReveal, "göster* açıkla* ifşa* yazdır* söyle*"}, {cSecret, "şifre* parola* gizli* anahtar*"}, {cSend, "gönder* ilet*"}, {cRespond, "yanıtla* cevapla* yaz"}, {cYou, "sen senin siz sizin"}, {cOnly, "sadece yalnızca"}, {cInstead, "yerine"}, {cNow, "şimdi"},
	// Romanian, Hungarian, Greek, Finnish
	{cOverride, "ignoră* ignorați uită uitați hagyd figyelmen αγνόησε* αγνοήστε* ξέχασε* ξεχάστε* παράβλεψ* unohda* ohita*"}, {cPrior, "anterioare precedente korábbi* előző* fenti* προηγούμεν* παραπάνω aiemm* edelli* aikaisem*"}, {cAll, "toate összes minden όλες όλα όλους kaikki"}, {cInstr, "instrucțiun* instructiun* regulile utasítás* szabály* οδηγί* εντολ* ohjee* ohjeet säännöt"}, {cReveal, "dezvălui* arată* mutasd* αποκάλυψ* δείξε* paljasta* näytä*"}, {cSecret, "parola parole jelszó* κωδικ* salasana*"}, {cNew, "nou nouă új νέα νέες νέο uusi uudet"}, {cTask, "sarcin* feladat* αποστολή tehtävä*"}, {cSend, "trimite* küldd* στείλε* lähetä*"},
	// Arabic, Persian, Hebrew, Urdu
	{cOverride, "تجاهل* تجاهلوا انس* انسى انسَ تخط* نادیده بگیر* فراموش* התעלם* התעלמ* שכח* نظرانداز*"}, {cPrior, "السابق* أعلاه اعلاه قبل قبلی* بالا پیشین* הקודמ* לעיל پچھل* سابق*"}, {cAll, "جميع كل كافة تمام همه כל تمام"}, {cInstr, "التعليمات* تعليمات* الأوامر أوامر القواعد الإرشادات دستور* دستورالعمل* ההוראות הוראות ההנחיות הנחיות ہدایات قوانین"}, {cAI, "المساعد مساعد دستیار"}, {cNew, "جديد* الجديد* التالي* جدید* חדש* הבא* نئ*"}, {cTask, "مهمة المهمة مهمت* وظیفه משימה کام"}, {cReveal, "اكشف* أظهر* اظهر* اعرض* كرر* اطبع* أخبرني نشان افشا* חשוף הצג גלה دکھا*"}, {cSecret, " المرور السر* سري* السري* سرية مفتاح رمز گذرواژه محرمانه סיסמ* סוד*"}, {cSend, "أرسل* ارسل* إرسال بفرست* ارسال שלח*"}, {cRespond, "أجب* قل جاوب اكتب پاسخ بگو* ענה אמור"}, {cYou, "أنت انت شما تو אתה"}, {cOnly, "فقط רק صرف"}, {cInstead, "بدلا* بدلاً במקום بجائے"}, {cNow, "الآن الان اکنون حالا עכשיו"},
	// Hindi, Bengali, Marathi
	{cOverride, "अनदेखा* अनदेखी* नजरअंदाज* नज़रअंदाज* भूल* उपेक्षा* उपेक्षित* উপেক্ষা* ভুলে* অগ্রাহ্য* दुर्लक्ष*"}, {cPrior, "पिछल* पूर्व* ऊपर* पहले* উপরের* পূর্ব* আগের* মागील*"}, {cAll, "सभी सब सारे समस्त সব সমস্ত সকল सर्व"}, {cInstr, "निर्देश* आदेश* नियम* হুকুম নির্দেশ* আদেশ* নিয়ম* सूचना*"}, {cNew, "नया नए नई निम्न* अगला নতুন"}, {cTask, "कार्य* काम কাজ*"}, {cReveal, "दिखाओ दिखाएं दिखाएँ बताओ बताएं बताएँ प्रकट* দেখাও বলো বলুন প্রকাশ*"}, {cSecret, "पासवर्ड* गुप्त* गोपनीय* কুঞ্জি পাসওয়ার্ড* গোপন*"}, {cSend, "भेजें भेजो भेज* পাঠাও পাঠান"}, {cRespond, "उत्तर जवाब कहो कहें লিখুন উত্তর"}, {cYou, "आप तुम आपका आपके आपकी তুমি আপনি আপনার তোমার"}, {cOnly, "केवल सिर्फ শুধু"}, {cInstead, "बजाय बदले পরিবর্তে"}, {cNow, "अब এখন"},
	// Vietnamese, Indonesian, Malay, Swahili, Tagalog
	{cOverride, "bỏ quên phớt abaikan lupakan hiraukan puuza sahau balewalain kalimutan"}, {cPrior, "trước đó sebelumnya terdahulu diatas zilizotangulia awali nakaraan* nakaraang naunang hapo"}, {cAll, "tất cả mọi semua segala seluruh yote zote lahat"}, {cInstr, "hướng dẫn lệnh chỉ thị instruksi perintah aturan petunjuk arahan maagizo maelekezo sheria tagubilin utos"}, {cNew, "mới baru berikut mpya bagong"}, {cTask, "nhiệm vụ tugas kazi gawain"}, {cReveal, "hiển tiết lộ tampilkan tunjukkan ungkapkan onyesha fichua ipakita"}, {cSecret, "mật khẩu sandi rahasia kunci siri"}, {cSend, "gửi kirim kirimkan tuma"}, {cRespond, "trả lời jawab balas katakan jibu"}, {cYou, "bạn anda kamu wewe"}, {cOnly, "chỉ hanya saja tu"}, {cInstead, "thay sebaliknya"}, {cNow, "bây giờ sekarang sasa ngayon"},
	// Zulu, Yoruba, Hausa, Igbo, Afrikaans
	{cOverride, "shaya indiva ungayinaki zinganaki* libala* foju gbagbe manta leghara ignoreer vergeet"}, {cPrior, "edlule* ezedlule* ngaphambili tẹlẹ ṣaaju baya gaba vorige"}, {cAll, "yonke zonke gbogbo duk dukkan niile alle"}, {cInstr, "imiyalelo imiyalo imithetho itọnisọna ilana umarni umarnin ntuziaka instruksies"}, {cReveal, "bonisa veza fihan nuna gosi openbaar"}, {cSecret, "iphasiwedi ọrọigbaniwọle wagwoord"},
	// Chinese
	{cOverride, "忽略* 无视* 無視* 忘记* 忘記* 忘掉* 不理会* 不要理会* 跳过* 绕过* 抛开* 舍弃* 不顾*"}, {cPrior, "之前* 以前* 先前* 以上* 上述* 上面* 前面* 此前* 前文* 上文* 原有* 原来*"}, {cAll, "所有* 全部* 一切* 任何* 其他*"}, {cInstr, "指令* 指示* 提示词* 提示* 规则* 規則* 命令* 要求* 说明* 設定* 设定* 约束* 限制*"}, {cAI, "人工智能* 助手* 模型* 机器人*"}, {cSystem, "系统* 系統* 管理员* 开发者*"}, {cNew, "新的* 以下* 下面* 接下来* 真正*"}, {cTask, "任务* 任務* 目标*"}, {cReveal, "显示* 顯示* 透露* 泄露* 洩露* 告诉我* 告訴我* 输出* 輸出* 打印* 重复* 展示* 公开*"}, {cSecret, "密码* 密碼* 密钥* 秘密* 机密* 機密* 凭证* 隐私* 余额*"}, {cSend, "发送* 發送* 转发* 寄给* 上传* 发到*"}, {cRespond, "回答* 回复* 回覆* 回應* 说出* 只说*"}, {cResponse, "答复* 回应* 摘要* 总结*"}, {cUser, "用户* 使用者* 读者*"}, {cYou, "你的* 你* 您*"}, {cMust, "必须* 必須* 应该* 需要*"}, {cOnly, "只* 仅* 只能*"}, {cInstead, "而是* 改为* 取而代之*"}, {cNow, "现在* 現在* 从现在* 然后* 接着*"}, {cUrgent, "重要* 紧急* 緊急* 立即* 马上* 注意*"}, {cFollow, "执行* 執行* 遵循* 遵守* 服从*"}, {cNot, "不要* 不得* 不能* 别* 请勿*"}, {cTell, "提及* 告知* 告诉*"}, {cPlease, "请* 請*"}, {cPersona, "扮演* 假装* 角色*"},
	// Japanese
	{cOverride, "無視し* 無視* 忘れ* 無効に* 破棄*"}, {cPrior, "以前の* これまで* 上記* 前の* 今まで* 先ほど* 従来*"}, {cAll, "すべて* 全て* あらゆる*"}, {cInstr, "指示* 命令* ルール* プロンプト* 制約*"}, {cAI, "アシスタント* モデル* ボット*"}, {cSystem, "システム* 開発者* 管理者*"}, {cNew, "新しい* 次の* 以下の*"}, {cTask, "タスク* 課題*"}, {cReveal, "表示し* 明かし* 教えて* 見せて* 出力し* 開示*"}, {cSecret, "パスワード* 機密* 秘密* 鍵* 個人情報*"}, {cSend, "送信* 転送* 送って* 送れ*"}, {cRespond, "答えて* 返答* 回答し* 言って*"}, {cYou, "あなた*"}, {cOnly, "だけ* のみ*"}, {cInstead, "代わりに* かわりに*"}, {cNow, "今から* 今すぐ* これから*"}, {cUrgent, "重要* 緊急* 直ちに*"}, {cNot, "しないで* ないで*"}, {cPlease, "ください* 下さい*"},
	// Korean
	{cOverride, "무시* 잊어* 잊고* 잊으* 건너뛰*"}, {cPrior, "이전* 앞선* 앞의* 위의* 기존* 지금까지*"}, {cAll, "모든* 모두* 전부* 일체*"}, {cInstr, "지시* 명령* 규칙* 지침* 프롬프트* 안내*"}, {cAI, "어시스턴트* 모델* 챗봇* 인공지능*"}, {cSystem, "시스템* 관리자* 개발자*"}, {cNew, "새로운* 다음* 새*"}, {cTask, "작업* 과제* 임무*"}, {cReveal, "보여* 알려* 공개* 출력* 말해*"}, {cSecret, "비밀번호* 암호* 기밀* 비밀* 개인정보*"}, {cSend, "보내* 전송* 전달*"}, {cRespond, "대답* 답변* 응답*"}, {cYou, "당신* 너는* 너의* 네가*"}, {cOnly, "오직* 만* 단지*"}, {cInstead, "대신*"}, {cNow, "지금* 이제* 앞으로*"},
	// Thai
	{cOverride, "เพิกเฉย* ละเว้น* ลืม* ไม่สนใจ* มองข้าม* ข้าม*"}, {cPrior, "ก่อนหน้า* ข้างต้น* เดิม*"}, {cAll, "ทั้งหมด* ทุก*"}, {cInstr, "คำสั่ง* คำแนะนำ* กฎ* พรอมต์*"}, {cNew, "ใหม่* ต่อไปนี้*"}, {cTask, "งาน* ภารกิจ*"}, {cReveal, "เปิดเผย* แสดง* บอก*"}, {cSecret, "รหัสผ่าน* ความลับ* ลับ*"}, {cSend, "ส่ง*"}, {cRespond, "ตอบ* พูด*"}, {cYou, "คุณ*"}, {cOnly, "เท่านั้น*"}, {cNow, "ตอนนี้*"},
}
