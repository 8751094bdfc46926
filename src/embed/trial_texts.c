#include "embed/trial_texts.h"

#define P1                                                                                         \
    "A compiler turns text that people write into instructions that a machine carries out. It "    \
    "reads the text, finds its structure, checks that names and types agree, and then chooses "    \
    "instructions and registers. Most of its time goes into making the result faster: it moves "   \
    "work out of loops, removes what nobody reads, and orders loads so that memory is ready when " \
    "it is needed. "
#define P2                                                                                         \
    "The harbour was busy from dawn. Fishing boats came in with the tide, their decks stacked "    \
    "with crates of mackerel, while ferries waited outside the breakwater for a berth. On the "    \
    "quay, buyers from the restaurants walked between the stalls, lifting gills and arguing "      \
    "about the price of turbot. By nine o'clock the ice had melted and the gulls had the place "   \
    "to themselves. "
#define P3                                                                                         \
    "Patients with raised blood pressure were divided at random into two groups of 240. One "      \
    "received the new drug for twelve weeks, the other a placebo. Systolic pressure fell by 11.4 " \
    "mmHg in the first group and by 3.1 mmHg in the second (p < 0.001). Headache and dizziness "   \
    "were the most frequent side effects; nine patients left the study early. "
#define P4                                                                                           \
    "In der Sitzung vom 14. März beschloss der Gemeinderat, die alte Brücke über den Fluss zu "   \
    "sanieren. Die Kosten werden auf 2,3 Millionen Euro geschätzt, von denen das Land die Hälfte " \
    "übernimmt. Während der Arbeiten wird der Verkehr über die Umgehungsstraße geleitet. "
#define P5                                                                                         \
    "Le musée a rouvert ses portes après trois ans de travaux. Les visiteurs découvrent "       \
    "désormais des salles plus claires, un parcours repensé et une collection de dessins du "    \
    "XVIIe siècle qui n'avait jamais été montrée au public. "
#define P6                                                                                         \
    "To install the package, download the archive, check its signature and unpack it. Run "        \
    "./configure --prefix=/usr/local, then make and make install. Options are read from "          \
    "/etc/tool.conf and from the environment; flags on the command line go before both. If the "   \
    "daemon does not start, look into the journal: the first line that says ERROR tells why. "
#define P7                                                                                         \
    "The company's revenue rose 8% to $4.2 billion in the third quarter, helped by demand for "    \
    "batteries, while its margin fell to 17.5% from 19.1% a year before. The board confirmed the " \
    "forecast for the year and announced that the chief financial officer will leave in June. "

static const char *const texts[] = {
    /* queries */
    "weather tomorrow",
    "python list sort",
    "cheap flights to lisbon",
    "what is photosynthesis",
    "reset password",
    "error 404",
    "best pizza near me",
    "how tall is mount everest",
    "linux copy folder recursively",
    "symptoms of flu",
    "who wrote hamlet",
    "train strike",
    "convert png to jpg",
    "mortgage calculator",
    "define entropy",
    "used bicycles",
    "GPU",
    "2024",
    "x86-64 calling convention",
    "wer hat das telefon erfunden",
    "recette tarte aux pommes",
    "capital de australia",
    "как сварить рис",
    "天气预报",
    "東京 観光",
    "คำคมวันนี้",
    "أفضل مطعم",
    "भारत की राजधानी",
    "서울 날씨",
    "ποιος έγραψε την ιλιάδα",
    "מזג אוויר",
    /* titles */
    "library for reading and writing compressed archives",
    "Screenshot tool for the terminal",
    "Python bindings for the graphics toolkit",
    "fast JSON parser and serializer",
    "GNOME document viewer",
    "network traffic analyser",
    "common files for the desktop environment",
    "development headers and static libraries",
    "Perl module to parse dates in many formats",
    "command line client for cloud storage",
    "Central bank keeps interest rates unchanged",
    "Storm leaves thousands without power",
    "Scientists find water on distant planet",
    "Local team wins championship after penalties",
    "A survey of methods for approximate nearest neighbour search",
    "On the origin of species by means of natural selection",
    "Boundary layer control by suction on a swept wing",
    "Attention and effort in listening to accented speech",
    "Ten easy recipes for busy weekday evenings",
    "The history of the printing press in Europe",
    "Terms and conditions of carriage",
    "Annual report of the board of directors",
    "Release notes for version 3.11.2",
    "Meeting minutes, 7 October",
    "Datenschutzerklärung und Nutzungsbedingungen",
    "Guide de l'utilisateur",
    "Introducción a la economía política",
    "Новости науки и техники",
    "人工智能的发展历史",
    "日本の伝統的な料理",
    "ประวัติศาสตร์ไทยสมัยใหม่",
    "أخبار الاقتصاد العالمي",
    "한국어 문법 입문",
    /* sentences */
    "That is a happy person.",
    "Today is a sunny day.",
    "I can't open the file you sent me.",
    "The tram to the harbour leaves every ten minutes.",
    "Add two eggs, a pinch of salt and stir until smooth.",
    "The committee postponed the vote on the budget.",
    "Whales communicate over hundreds of kilometres.",
    "She won the match in three sets.",
    "Antibiotics do not help against viruses.",
    "How do I reset my password?",
    "The castle was built in the twelfth century.",
    "Interest rates rose by a quarter of a point.",
    "Water boils at 100 degrees Celsius at sea level.",
    "My flight was cancelled and nobody answers the phone.",
    "The quick brown fox jumps over the lazy dog.",
    "Please find attached the invoice no. 20391 of 12 May.",
    "The defendant was found not guilty on all counts.",
    "This phone has the worst battery I have ever seen!!!",
    "It was the best of times, it was the worst of times.",
    "Light travels 299,792,458 metres in a second.",
    "def add(a, b): return a + b",
    "SELECT name FROM users WHERE age > 30 ORDER BY name;",
    "for (int i = 0; i < n; i++) sum += x[i];",
    "git commit -m \"fix the build\"",
    "E = mc^2 and a^2 + b^2 = c^2",
    "https://example.org/path?query=1#part",
    "Contact: jane.doe@example.com, +49 30 1234567",
    "ACGTACGTTAGCTAGCTAACG",
    "Protein kinase C alpha regulates insulin secretion in beta cells.",
    "The enzyme was purified by ion exchange chromatography.",
    "Der Zug nach Hamburg hat voraussichtlich 25 Minuten Verspätung.",
    "Ich habe gestern einen Film über Bienen gesehen.",
    "La réunion est reportée à jeudi prochain.",
    "Il a plu toute la nuit.",
    "El perro duerme debajo de la mesa.",
    "Los precios subieron un tres por ciento.",
    "Il treno per Milano parte dal binario sette.",
    "De winkel is op zondag gesloten.",
    "A reunião foi adiada para a próxima semana.",
    "Pociąg do Krakowa odjeżdża o ósmej.",
    "Сегодня в Москве идёт снег.",
    "Вода кипит при ста градусах.",
    "今天天气很好，我们去公园散步吧。",
    "这本书介绍了中国古代的建筑艺术。",
    "明日の会議は午後三時からです。",
    "この薬は食後に飲んでください。",
    "วันนี้อากาศร้อนมาก",
    "รถไฟจะออกเวลาเก้าโมงเช้า",
    "القطار إلى القاهرة يتأخر ساعة.",
    "आज बहुत गर्मी है।",
    "내일은 비가 올 예정입니다.",
    "Bugün hava çok güzel.",
    "Sáng nay trời mưa rất to.",
    "Kereta ke Bandung berangkat pukul tujuh.",
    "Junan pitäisi lähteä kello kahdeksan.",
    "Tåget till Malmö är försenat.",
    "Vonat indul Szegedre tíz órakor.",
    "Το τρένο φεύγει στις οκτώ.",
    "When the pressure in the vessel exceeds 12 bar, the safety valve opens and the pump stops.",
    "Although it had rained for a week, the fields were dry, and the farmers began to worry.",
    "The treaty, signed in 1648, ended a war that had laid waste to much of central Europe.",
    "You can return unused goods within 30 days if the original packaging is not damaged.",
    "Neural networks with attention have replaced recurrent ones in most tasks of language.",
    "Mix flour, butter and sugar, let the dough rest for an hour, then bake it at 180 degrees.",
    /* paragraphs */
    P1,
    P2,
    P3,
    P4,
    P5,
    P6,
    P7,
    P1 P6,
    P2 P7,
    P3 P1,
    P4 P5,
    P7 P3,
};

size_t trial_text_count(void)
{
    return sizeof texts / sizeof *texts;
}

const char *const *trial_texts(void)
{
    return texts;
}
