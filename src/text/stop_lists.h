/* STOPS(code, words) for each language that has such a list: its function words, those that say
 * little about what a text is about, lower case as they are written. Included as a list. */
STOPS(en, "a about after all also am an and any are as at be because been before being both but by can "
          "could did do does doing don't down during each few for from further had has have having he her "
          "here hers him his how i if in into is isn't it it's its itself just me more most my no nor not of "
          "off on once only or other our out over own same she should so some such than that the their them "
          "then there these they this those through to too under until up very was we were what when where "
          "which while who whom why will with would you your")
STOPS(de, "aber alle allem allen aller alles als also am an andere anderen auch auf aus bei beim bin bis bist "
          "da damit dann das dass dein deine dem den denn der des dessen die dies diese diesem diesen dieser "
          "dieses doch dort du durch ein eine einem einen einer eines er es euch euer für habe haben hat hatte "
          "hier ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im in indem ins ist ja jede jedem jeden jeder jedes "
          "kann kein keine können man mehr mein meine mich mir mit muss nach nicht noch nun nur ob oder ohne sehr "
          "sein seine seinem seinen seiner sich sie sind so soll sowie über um und uns unter viel vom von vor war "
          "waren was weil welche welcher wenn werden wer wie wir wird wo wurde wurden zu zum zur zwischen")
STOPS(fr, "à afin ai ainsi après au aucun aussi autre autres aux avait avec avez avoir avons bien car ce ceci "
          "cela celle celles celui ces cet cette ceux chaque chez comme comment dans de des donc dont du elle "
          "elles en encore entre est et était été être eu eux fait il ils je jusque la le les leur leurs lui "
          "ma mais me même mes moins mon ne ni nos notre nous on ont ou où par pas pendant peu peut plus pour "
          "pourquoi quand que quel quelle quelles quels qui sa sans se sera ses si son sont sous sur ta te tes "
          "toi ton tous tout toute toutes très tu un une vos votre vous y")
STOPS(es, "a al algo algunos ante antes aquel aquella así aún aunque bajo bien cada como con contra cual "
          "cuando cómo de del desde donde dos durante e el él ella ellas ellos en entre era es esa esas ese eso "
          "esos esta está estas este esto estos están fue fueron ha había han hasta hay la las le les lo los "
          "más me mi mis mientras mucho muy nada ni no nos nosotros o otra otras otro otros para pero poco por "
          "porque pues puede que qué quien se sea según ser si sí sido sin sobre son su sus también tan tanto "
          "te tiene tienen todo todos tras tu tus u un una unas uno unos usted y ya yo")
STOPS(it, "a ad agli ai al alla alle allo anche ancora avere aveva che chi ci come con contro cui da dagli dai "
          "dal dalla dalle dei degli del della delle dello dentro di dopo dove e è ed era essere fa fino fra gli "
          "ha hanno ho i il in io la le lei li lo loro lui ma me mi mia mio molto ne negli nei nel nella nelle "
          "nello noi non nostro o ogni oltre per perché più poi prima può qual quale quali quando quanto quella "
          "quelle quelli quello questa queste questi questo qui se sei sempre senza si sia siamo sono sotto sta "
          "stato su sua sugli sui sul sulla sulle suo suoi te ti tra tu tutti tutto un una uno vi voi")
STOPS(pt, "a à ao aos aquela aquele aquilo as às até cada com como da das de dela dele deles depois do dos e é "
          "ela elas ele eles em entre era eram essa esse esta está estão este eu foi foram há isso isto já la "
          "lhe lo mais mas me mesmo meu minha muito na não nas nem no nos nós num numa o os ou para pela pelas "
          "pelo pelos pode por porque quais qual quando que quem se sem ser será seu seus só sobre sua suas "
          "também te tem têm todo todos tu tua um uma umas uns você vocês")
STOPS(nl, "aan al alle alleen als andere ben bij dan dat de den der deze die dit doch doen door dus een er en "
          "eens enkele ge geen geweest haar had heb hebben heeft hem het hier hij hoe hun ik in is ja je jij kan "
          "kunnen maar me meer men met mij mijn moet na naar niet niets nog nu of om omdat onder ons ook op over "
          "reeds te tegen toch toen tot u uit uw van veel voor want waren was wat we wel werd wie wij wil worden "
          "wordt zal ze zelf zich zij zijn zo zonder zou")
STOPS(sv, "alla allt att av bara blev bli blir både de dem den denna deras dess det detta dig din dina du där då "
          "efter eller en ett från för ha hade han hans har henne hennes hon honom hur här i icke inom inte ja "
          "jag kan man med mellan men mig min mina mot mycket ni nu när någon något några och också om oss på "
          "sedan sig sin sina sitt ska skall som så till under upp ut utan vad var vara vare vars vem vi vid "
          "vilka vilken vilket är än åt över")
STOPS(da, "af alle andet andre at begge blev blive bliver da de den denne der deres det dette dig din disse dog du "
          "efter ej eller en end er et for fra få ham han hans har havde have hende hendes her hun hvad hvem "
          "hver hvis hvor hvordan hvornår i ikke ind ingen jeg jer kan kun kunne man mange med meget men mellem "
          "mig min mod må ned noget nogle nogen nu når også og om op os over på selv sig sin skal som så sådan "
          "til ud uden under var ved vi vil være været")
STOPS(no, "alle andre at av bare ble bli blir både da de deg dei deira den denne der deres det dette dine disse "
          "du eg eller en enn er et etter for fra få før ha hadde han hans har henne hennes her hun hva hvem "
          "hver hvilken hvis hvor hvordan hvorfor i ikke inn ja jeg kan kun kunne man mange med meg mellom men "
          "mer mitt mot mye må ned noe noen nå når og også om opp oss over på seg selv sin skal skulle slik som "
          "så til um under uten ut var ved vi vil være vært")
STOPS(fi, "ei eikä eivät ella en että hän he hänen heidän ja jo joka joko jos jossa jota jotka kaikki kanssa "
          "koska kuin kun kuten me mikä minä missä mitä mukaan mutta mutta myös ne niiden niin nyt näiden nämä "
          "ole oli olivat olla on ovat se sekä sen siinä sinä sitä tai tämä tämän tässä tätä te tuo vaan vai "
          "vaikka vain voi voidaan voit vuoksi")
STOPS(hu, "a abban ahhoz ahol aki alatt amely amelyek ami amikor az azok azt azonban be bár de e ebben egy egyéb "
          "egyes el első és ez ezek ezt fel ha hanem hogy igen így illetve is itt ki kell között közül le lehet "
          "majd már mert minden mint mivel még meg nagyon ne nem nincs ő ők olyan össze pedig s sem szerint "
          "több úgy után vagy vagyis van vannak való volt voltak által")
STOPS(pl, "a aby albo ale ani bardzo bez być był była było były bo by ci co czy czyli dla do gdy gdzie go i ich "
          "ile im innych ja jak jako je jego jej jest jeśli już każdy kiedy która które którego której który "
          "których którzy lub ma mają może można mu na nad nam nas nie niej nich nim niż o od on ona one oni "
          "oraz po pod poza przed przez przy są się sobie są swoje ta tak także tam te tego tej ten to tu tych "
          "tylko tym u w we wiele wszystkie wszystko z za ze że")
STOPS(cs, "a aby ale ani až bez bude budou by byl byla byli bylo být co což další do ho i jak jako je jeho jej "
          "její jejich jen jestli ještě ji již jsem jsme jsou k kde kdo když ke která které který kteří ku má "
          "mají mezi mi může na nad nebo není než o od on ona oni po pod podle pokud pouze pro proto před při s "
          "se si své svůj ta tak také tato té ten tento tím to toho tom tu ty u už v ve vše však všechny z za "
          "ze že")
STOPS(sk, "a aby aj ak ako ale alebo ani asi až bez bol bola boli bolo bude budú by byť čo ďalšie do ho i iba "
          "ich je jeho jej k kde keď kto ktorá ktoré ktorý ktorí ku má majú medzi môže na nad nie než o od on "
          "ona oni po pod podľa pokiaľ pre preto pred pri s sa si sme so sú svoj ta tak tento tiež to toho tu ty "
          "u už v však všetky vo z za zo že")
STOPS(sl, "a ali bi bil bila bilo bo bodo da do ga in iz ima imajo je jih jo k kako kaj kar kateri katera katere "
          "ker ki ko kot le lahko med na nad naj ne ni o ob od pa po pod pred pri s samo se sem si smo so sta "
          "ste ta tako te to tudi v vse z za že")
STOPS(hr, "a ako ali bez bi bila bili bilo bio biti da do dok ga i ih ili im iz ja je jer još jedan kada kako kao "
          "koja koje koji kojih ju li mi može na nad nakon ne nego nema nije nisu njegov no o od on ona oni ovaj "
          "ove po pod prema pri s sa samo se smo sve što su svi ta tako te ti to u uz već više vrlo za")
STOPS(sr, "а ако али без би била били било бити да до док га и их или им из ја је јер још један када како као "
          "која које који којих ли ми може на над након не него нема није нису но о од он она они овај ове "
          "овог по под према при с са само се смо све што су сви та тако те ти то у уз већ више за")
STOPS(bg, "а ако ала бе без беше би бил била били било в вече ви все всички във г да дали до докато е един една "
          "едно за защото и из или им има как както като кога който която което които към ли м между ми може "
          "много на над най не него нея ни но някои о от по повече под при с са само се си след със също така "
          "тази там те тези това този той тя у че ще я")
STOPS(ru, "а без более бы был была были было быть в вам вас ведь во вот все всего всех вы где да даже для до "
          "его ее её если есть еще ещё же за здесь и из или им их к каждый как какой ко когда которая которого "
          "которое которой которые который которых кто ли либо лишь между меня мне может можно мой мы на над нам "
          "нас не него нее нет ни них но ну о об однако он она они оно от очень по под после при про с себя со "
          "так также такой там те тем то того тоже только том тот ту ты у уже хотя чего чем что чтобы эта эти "
          "этих это этого этой этом этот я")
STOPS(uk, "а або але б без більш би був була були було бути в вам вас весь ви від він вона вони все всі вже для "
          "до де є за з зі і із й його йому її їх коли кожен крім лише між мене мені може можна ми на навіть нам "
          "нас не неї ні них ну о об один он по під після при про та так також такий там те ти тим то тобто того "
          "той тільки у усі хоча це цей ця ці цього через чи чим що щоб як яка яке який яких які якщо")
STOPS(be, "а або але б без бы было быў была быць в вы да для ды дык е ж жа за з і іх к калі каб каля на над не "
          "ні няма па пад пра пры са свае так такі таксама то толькі ты у ў усе хто ці што я як яго яе які якая "
          "якія яна яны ён гэта гэты")
STOPS(ro, "a acea această aceasta acest acesta aceste acestea acestui ai al ale am ar are aș asupra au avea "
          "ca că când care cât ce cei cel cele cu cum da dacă dar de deci despre din după e ea ei el ele era este "
          "eu fără fi fie fost iar în îl între într-o îi la le li lor lui mai mult nu o ori pe pentru peste prin "
          "sa să sale sau se său si și sub sunt te toate un una unde unei unor unui va vor")
STOPS(tr, "acaba ama ancak arasında bazı belki ben beni benim bile bir biri birkaç biz bizim bu buna bunda bunlar "
          "bunu bunun çok çünkü da daha de değil diye eğer en gibi göre hem hep hepsi her hiç için ile ise kadar "
          "ki kim mi mı mu mü nasıl ne neden nerede o olan olarak oldu olduğu olur olup ona onlar onu onun "
          "sadece sen şey siz sonra şu tarafından tüm var ve veya ya yani yok")
STOPS(ca, "a al als altra altre altres amb això aquest aquesta aquests aquí bé cada com de del dels des després "
          "el ell ella ells els em en entre era és està estan et ha han hi ho i ja la les li llur lo més me "
          "mentre molt na no nosaltres o on pel pels per perquè però poc pot quan que què qui sa se sense ser "
          "seu seva seves si són sobre sota també te tot tots un una unes uns va vostre")
STOPS(el, "αλλά αν από αυτά αυτή αυτό αυτός για δεν είναι εκεί ενός ενώ επί η ή ήταν θα και κάθε κατά με μέσα "
          "μετά μη μην μια μόνο να ο οι όπως όταν ότι ού πιο που προς πρέπει πώς σαν σε στα στη στην στις στο "
          "στον στους τα τη την της τι τις το τον του τους των ως")
STOPS(ar, "إلا إلى إن أن أنه أو أي إذا التي الذي الذين اللذان بعد بعض بها به بين تلك ثم حتى حيث خلال ذلك سوف "
          "على عليه عن عند غير في فيها فيه قبل قد كان كانت كل كما لا لقد لكن لم لن له لها ليس ما مع من منذ "
          "منها هذا هذه هل هم هنا هناك هو هي و وقد ولا يكون يمكن")
STOPS(fa, "آن آنها اگر اما از است او ای این با باید بر برای بود بودن به بی تا تر چند چه چون چیز خواهد خود داد "
          "دارد در دیگر را روی شد شده شود کرد کردن کرده کنند که کند گفت ما مانند من می نمی نیز نیست ها هر هم "
          "همه هیچ و وی یا یک")
STOPS(he, "אבל או אותה אותו אותם אך אל אם אני אנחנו את אתה אתם בו בין בה גם הוא היא היה היו הם הן זאת זה זו יותר "
          "יש כאשר כדי כי כך כל כמו לא לה להם לו לי מאוד מה מי מן עד על עם עוד רק של שלה שלו שלהם")
STOPS(hi, "अपना अपनी अपने अब आप इन इस इसके उन उनके उस उसके एक और कई कर करता करते करना करने कहा का कि किया किसी "
          "की कुछ के को कोई कौन क्या गया जब जा जाता जैसे जो तक तो था थी थे दिया द्वारा न नहीं ने पर फिर बाद भी "
          "मैं मे में यदि यह या ये रहा लिए वह वाले वे व सकता सभी साथ से ही हुआ हुई हुए है हैं हो होता होती होने")
STOPS(id, "ada adalah akan anda antara apa atau bagi bahwa banyak baru beberapa bisa bukan dalam dan dapat dari "
          "dengan di dia hal hanya harus ia ini itu jika juga kami karena ke kepada ketika kita lain lebih maka "
          "mereka namun oleh pada para saat saja sangat saya sebagai sebuah secara sejak semua seperti serta "
          "setelah setiap sudah suatu tanpa telah tentang terhadap tersebut tetapi tidak untuk yaitu yang")
STOPS(ms, "ada adalah akan anda antara apa atau bagi bahawa banyak beberapa boleh bukan dalam dan dapat dari "
          "daripada dengan di dia hanya harus ia ialah ini itu jika juga kami kerana ke kepada kita lain lebih "
          "maka mereka oleh pada para perlu saya sebagai sebuah semua seperti serta setelah setiap sudah "
          "tanpa telah terhadap tersebut tetapi tidak untuk yang")
STOPS(vi, "bị bởi các cái cần chỉ chiếc cho chúng chưa có của cũng cùng do đã đang đây để đến đều đó được gì hay "
          "hơn khi không là lại lên lúc mà mỗi một này nên nếu ngay những như nhưng nào ở phải qua ra rất rồi sau "
          "sẽ so sự tại theo thì trên trong trước từ từng và vẫn vào vì với về")
STOPS(et, "aga ei ent et ette ja juba jälle ka kas kes kui kuid kuidas kus ma me meie mida millal mille mis mitte "
          "need neid nende nii ning nüüd oli olid olema olla oma on palju pole saab sa see seda selle sest siin "
          "siis ta te tema üks või väga")
STOPS(lt, "ar arba apie aš bei bet bus būti buvo čia dar dėl ir iš į jau jei jie jis jį jo jos jų kad kai kaip "
          "kas kiek kitų kuri kurie kuris kurių kur labai mes ne nei nes nuo nėra o pagal per po prie prieš su "
          "šis šio šių tai tad tačiau taip tarp tik to tų už yra")
STOPS(lv, "ar arī ap bet bez bija būs būt caur dažas es gan ir itin iz jau ja jo ka kad kas katrs kā kur kura "
          "kuras kuri kurš lai līdz mēs nav ne nevis no nu pa par pār pēc pie pirms savu šī šis šo šajā tad tas "
          "tā tikai tiek to tomēr tur un uz vai var vēl vien viņa viņš visu")
STOPS(eu, "ala arte asko baina bai bat batean batek bere bertan beste bi da dago dela den dio dira dituen "
          "ditu du dute edo egin egon eta ez gabe gero gure hau hauek hori horiek izan nahi ni ondoren oso "
          "zen zer zein ziren zuen zuten")
STOPS(ga, "a ach ag agus an ar as atá ba bhí chun cén cé dá de den do dom é faoi gach go i iad idir in is leis "
          "le mar mé mo na nach ní nó ó os re roimh sa sé seo sí sin sna tá trí um")
STOPS(af, "aan al as by daar dat die dit dus een en ek gaan haar had het hier hom hoe hulle hy in is jou jy kan "
          "maar meer met moet my na nie nog nou of om ons ook op oor sal se sodat sonder sy te tot uit van vir "
          "vanaf wat was wees word wou")
STOPS(eo, "al ankaŭ aŭ ĉar ĉe ĉi ĉiuj da de dum el en estas estis esti ĝi ĝis ili inter jam ke kaj kiel kiu "
          "kiuj kun la laŭ li mi ne nek nun nur oni per pli por post pri se sed sen si ŝi sur tio tiu tre tra "
          "unu vi")
STOPS(zh, "的 了 和 是 就 都 而 及 與 与 着 或 一个 一個 在 也 很 不 但 但是 并 並 从 從 到 对 對 于 於 以 以及 被 把 "
          "这 這 那 这个 這個 那个 那個 这些 這些 之 其 它 他 她 我 你 我们 我們 他们 他們 你们 你們 将 將 还 還 让 讓 为 為 "
          "因为 因為 所以 如果 可以 没有 沒有 什么 什麼 吗 嗎 呢 吧 等 上 下 中 由 向 更")
STOPS(ja, "の に は を た が で て と し れ さ も な い や から まで へ より か ね よ だ です ます でした ました ません "
          "ある いる する なる れる られる こと もの ため など として について により による において これ それ あれ この "
          "その あの ここ そこ また および または ば ない なり この よう という")
STOPS(ko, "이 그 저 것 수 등 및 또는 또한 그리고 그러나 하지만 때문에 위해 위한 대한 대해 통해 있는 있다 하는 한다 "
          "하다 된다 되는 이다 입니다 합니다 있습니다 있으며 하며 더 가장 매우 모든 각 이런 그런 어떤 의 를 을 은 는 "
          "가 에 에서 와 과 도 로 으로")
STOPS(th, "ที่ และ ใน ของ เป็น มี ได้ ให้ จะ ไม่ ว่า กับ จาก โดย แต่ หรือ ก็ ซึ่ง นี้ นั้น เพื่อ ถูก อยู่ แล้ว "
          "ความ การ ไป มา ด้วย กัน ยัง เมื่อ ถ้า คือ อีก ต่อ ตาม ขึ้น ลง ต้อง")
